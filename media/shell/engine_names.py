"""What the engine calls the peers, publications and slots of one room."""

from media.core.engine_face import PeerKey, PublicationKey, Route, RouteEdit, SlotKey
from media.core.room_facts import RouteChanged, Section


class EngineNames:
    """Names of one room; an id holds no slash, so two peers never share one.

    Args:
        room_id: Unique on the node.
    """

    def __init__(self, room_id: str) -> None:
        self._room_id = room_id

    def peer(self, participant_id: str, peer_epoch: int) -> PeerKey:
        """Name a peer; one that follows another of the same participant has another epoch."""
        return PeerKey(f"{self._room_id}/{participant_id}/{peer_epoch}")

    def publication(self, section: Section) -> PublicationKey:
        """Name what fills a send section."""
        return PublicationKey(
            peer=self.peer(section.participant_id, section.attach_epoch), mid=section.mid
        )

    def edit(self, change: RouteChanged) -> RouteEdit:
        """Put a changed route in the engine's words."""
        sink = self.peer(change.sink.participant_id, change.sink.attach_epoch)
        slot = SlotKey(peer=sink, mid=change.sink.mid)
        route = Route(publication=self.publication(change.source), slot=slot)
        return RouteEdit(route=route, is_attached=change.is_attached)
