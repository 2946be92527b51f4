"""Environment of a signaling node; read once by the composition root."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

HostPort = Annotated[str, Field(pattern=r"^(\[[0-9a-f:]+\]|[^:\[\]]+):[0-9]{1,5}$")]


class SignalingSettings(BaseSettings):
    """Settings of `signaling serve`; every name is prefixed ``SIGNALING_``."""

    model_config = SettingsConfigDict(env_prefix="SIGNALING_", frozen=True, extra="forbid")

    node: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    """Name of this node; a restart under the same name sweeps what the last process left."""

    listen: HostPort
    """`host:port` of `/v1/socket`, behind the TLS proxy."""

    internal_listen: HostPort
    """`host:port` of `/control/visit`, probes and metrics, on the internal network only."""

    allowed_origins: Annotated[list[str], Field(min_length=1, max_length=64)]
    """Origins whose pages may open a socket; an upgrade without an Origin is refused."""

    redis_url: SecretStr
    """Redis of presence; secret because it may hold a password."""

    visit_service_url: Annotated[str, Field(pattern=r"^https?://")]
    """The visit service's internal port."""

    visit_service_key: SecretStr
    """base64url text of 32 random bytes; we prove ourselves to the visit service with it."""

    key: SecretStr
    """base64url text of 32 random bytes; the visit service proves itself to us with it."""

    media_control_key: SecretStr
    """base64url text of 32 random bytes; we prove ourselves to media nodes with it."""

    spool: Path
    """Directory of presence events the visit service has not acknowledged yet."""

    sockets_max: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Sockets of this node; one more is answered 503."""

    proxy_depth: Annotated[int, Field(ge=0, le=4)] = 0
    """How many proxies of ours stand before us; each adds one address to X-Forwarded-For.  With 0
    the peer's own address counts: behind a proxy everybody would share one budget of upgrades."""

    waiting_max: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Sockets that have not shown a ticket yet."""

    drain_limit_s: Annotated[float, Field(ge=0.0, le=60.0)] = 5.0
    """Seconds peers are given after SIGTERM to read their goodbye."""
