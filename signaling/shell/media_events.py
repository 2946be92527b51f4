"""What the media node tells of a room, and what follows from it."""

from media.contract import control
from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import IceRestartWanted, SlotFilled, SlotsMapped
from signaling.core.effects import Fact
from signaling.core.seats import Seat
from signaling.shell.hosted_room import HostedRoom


async def take(room: HostedRoom, event: control.ControlEvent) -> None:
    """Take an event; one of an older place or an older socket says nothing about now."""
    if event.room_epoch != room.media.room_epoch:
        return
    if isinstance(event, control.RoomLost):
        room.media.on_room_lost(event.cause)
        return
    seat = room.machine.seats.get(ParticipantId(event.participant_id))
    if seat is not None and seat.attach_epoch == event.attach_epoch:
        await _take_of_seat(room, seat, event)


async def _take_of_seat(room: HostedRoom, seat: Seat, event: control.ControlEvent) -> None:
    participant_id = seat.participant_id
    match event:
        case control.SlotMap():
            _tell_slots(room, participant_id, event)
        case control.PeerConnected():
            await _connected(room, seat)
        case control.PeerLost():
            _ask_for_restart(room, participant_id)
            await room.interrupt(participant_id)
        case control.PeerClosed():
            room.connected.pop(participant_id, None)
            room.media.on_peer_closed(participant_id)
            await room.act(lambda it: it.drop_publications(participant_id))
        case _:
            pass


async def _connected(room: HostedRoom, seat: Seat) -> None:
    """Tell the visit service once for each socket; a return after a gap is the room's affair."""
    participant_id, attach_epoch = seat.participant_id, seat.attach_epoch
    await room.resume(participant_id)
    if room.connected.get(participant_id) != attach_epoch:
        room.connected[participant_id] = attach_epoch
        await room.tell_visit(Fact.MEDIA_CONNECTED, participant_id, attach_epoch)


def _ask_for_restart(room: HostedRoom, participant_id: ParticipantId) -> None:
    """Ask the client for a new path: it may not have noticed yet that the old one is dead."""
    if (peer := room.peer_of(participant_id)) is not None:
        peer.tell(IceRestartWanted(room_epoch=room.media.room_epoch))


def _tell_slots(room: HostedRoom, participant_id: ParticipantId, mapped: control.SlotMap) -> None:
    if (peer := room.peer_of(participant_id)) is not None:
        slots = tuple(_filled(slot) for slot in mapped.slots)
        peer.tell(SlotsMapped(map_id=mapped.map_id, slots=slots))


def _filled(slot: control.SlotAssignment) -> SlotFilled:
    publication_id = None if slot.publication_id is None else PublicationId(slot.publication_id)
    return SlotFilled(mid=slot.mid, publication_id=publication_id)
