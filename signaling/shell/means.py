"""What every room of a node leans on, and what the node tells its peers of its limits."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from signaling.contract.codec import FRAME_BYTES_MAX
from signaling.contract.messages import Limits
from signaling.core.limits import MESSAGES_PER_S
from signaling.core.negotiation import CANDIDATES_MAX
from signaling.shell.ice_servers import IceServers
from signaling.shell.media_client import MediaNodes
from signaling.shell.metrics import Metrics
from signaling.shell.registry import Registry
from signaling.shell.scripts import SEATS_MAX
from signaling.shell.visit_client import VisitClient

LIMITS: Final = Limits(
    frame_bytes=FRAME_BYTES_MAX,
    sdp_bytes=48 * 1024,
    candidates=CANDIDATES_MAX,
    messages_per_s=MESSAGES_PER_S,
    audio_slots=SEATS_MAX - 1,
    video_slots=SEATS_MAX,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every room of a node leans on."""

    registry: Registry
    nodes: MediaNodes
    visits: VisitClient
    relays: IceServers
    metrics: Metrics
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    now: Callable[[], float]
    """Monotonic seconds."""
    wall: Callable[[], float]
    """Seconds since the epoch."""
    jitter: Callable[[], float]
    """A number in [0, 1)."""
