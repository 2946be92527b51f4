"""A fake engine: keeps a ledger of what it was asked, forwards nothing."""

from collections.abc import Callable, Sequence

from media.core.engine_face import (
    Addr,
    EngineEvent,
    PeerKey,
    PeerSample,
    PublicationKey,
    ReceiveFacts,
    RouteEdit,
    SlotKey,
    SrtpKeys,
    StreamSample,
)


class FakeEngine:
    """Implements `media.core.engine_face.Engine`; tests put events into `events`."""

    def __init__(self) -> None:
        self.open_peers: dict[PeerKey, ReceiveFacts | None] = {}
        self.keys: dict[PeerKey, SrtpKeys] = {}
        self.paths: dict[PeerKey, tuple[frozenset[Addr], Addr | None]] = {}
        self.muted: dict[PublicationKey, bool] = {}
        self.held: dict[PublicationKey, bool] = {}
        self.layers: dict[SlotKey, tuple[int, int]] = {}
        self.wanted: dict[PeerKey, int] = {}
        self.arriving: dict[PublicationKey, tuple[StreamSample, ...]] = {}
        self.estimates: dict[PeerKey, float] = {}
        self.samples: dict[PeerKey, PeerSample] = {}
        self.paused: set[PeerKey] = set()
        self.routes: list[RouteEdit] = []
        self.packets: list[tuple[str, Addr, bytes]] = []
        self.events: list[EngineEvent] = []
        self.on_packet: Callable[[], None] = lambda: None

    def open_peer(self, peer: PeerKey, *, now: float) -> None:
        """Note an opened peer."""
        del now
        self.open_peers[peer] = None

    def set_facts(self, peer: PeerKey, facts: ReceiveFacts) -> None:
        """Note the facts of a peer."""
        self.open_peers[peer] = facts

    def set_keys(self, peer: PeerKey, keys: SrtpKeys) -> None:
        """Note the keys of a peer."""
        self.keys[peer] = keys

    def set_path(self, peer: PeerKey, valid: frozenset[Addr], selected: Addr | None) -> None:
        """Note the path of a peer."""
        self.paths[peer] = (valid, selected)

    def set_muted(self, publication: PublicationKey, *, is_muted: bool) -> None:
        """Note a mute."""
        self.muted[publication] = is_muted

    def set_paused(self, peer: PeerKey, *, is_paused: bool) -> None:
        """Note a pause."""
        (self.paused.add if is_paused else self.paused.discard)(peer)

    def hold(self, publication: PublicationKey, *, is_held: bool) -> None:
        """Note what is held."""
        self.held[publication] = is_held

    def steer(self, slot: SlotKey, *, rank: int, temporal: int) -> None:
        """Note a layer."""
        self.layers[slot] = (rank, temporal)

    def set_wanted(self, peer: PeerKey, wanted_bps: int) -> None:
        """Note what is probed for."""
        self.wanted[peer] = wanted_bps

    def streams(self, publication: PublicationKey) -> tuple[StreamSample, ...]:
        """Return what the test says arrives."""
        return self.arriving.get(publication, ())

    def estimate_bps(self, peer: PeerKey) -> float:
        """Return what the test says is carried."""
        return self.estimates.get(peer, 800_000.0)

    def sample(self, peer: PeerKey, *, now: float) -> PeerSample | None:
        """Return what the test says of a peer."""
        del now
        return self.samples.get(peer)

    def route(self, edits: Sequence[RouteEdit], *, now: float) -> None:
        """Note edits in order."""
        del now
        self.routes.extend(edits)

    def on_srtp(self, addr: Addr, data: bytes, now: float) -> None:
        """Note a packet."""
        del now
        self.on_packet()
        self.packets.append(("srtp", addr, data))

    def on_srtcp(self, addr: Addr, data: bytes, now: float) -> None:
        """Note a control packet."""
        del now
        self.on_packet()
        self.packets.append(("srtcp", addr, data))

    def on_tick(self, *, now: float) -> None:
        """Nothing is due."""

    def take_events(self) -> list[EngineEvent]:
        """Hand over what the test put in."""
        events, self.events = self.events, []
        return events

    def counters(self) -> dict[str, int]:
        """Count the packets noted."""
        return {"packets": len(self.packets)}

    def close_peer(self, peer: PeerKey) -> None:
        """Note a closed peer."""
        self.open_peers.pop(peer, None)
        self.keys.pop(peer, None)
        self.paths.pop(peer, None)
