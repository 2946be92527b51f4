"""A place in a room that is taken: its peer, and what it has published."""

from dataclasses import dataclass, field

from media.shell.peer import Peer


@dataclass(slots=True)
class Seat:
    """One participant with a peer."""

    participant_id: str
    peer_epoch: int
    """Attach epoch of the `attach-peer` that made the peer; part of its key."""
    peer: Peer
    offer_id: int = 0
    publications: dict[str, str] = field(default_factory=dict)
    """publication_id → mid."""
    bound_mids: set[str] = field(default_factory=set)
    is_paused: bool = False
