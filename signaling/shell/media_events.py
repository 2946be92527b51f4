"""What the media node tells of a room, and what follows from it."""

from media.contract import control
from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import (
    EncodingWanted,
    IceRestartWanted,
    LayersWanted,
    Link,
    Quality,
    Rung,
    RungCause,
    SlotFilled,
    SlotsMapped,
    Speakers,
)
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
    if isinstance(event, control.SpeakersTold):
        ids = tuple(ParticipantId(each) for each in event.participant_ids)
        _tell_active(room, Speakers(participant_ids=ids))
        return
    seat = room.machine.seats.get(ParticipantId(event.participant_id))
    if seat is not None and seat.attach_epoch == event.attach_epoch:
        await _take_of_seat(room, seat, event)


async def _take_of_seat(room: HostedRoom, seat: Seat, event: control.ControlEvent) -> None:
    participant_id = seat.participant_id
    match event:
        case control.SlotMap():
            _tell_slots(room, participant_id, event)
        case control.LayersWanted() | control.QualityTold():
            _tell_adaptation(room, seat, event)
        case control.PeerConnected():
            await _connected(room, seat)
        case control.PeerLost():
            _ask_for_restart(room, participant_id)
            await room.interrupt(participant_id)
        case control.PeerClosed():
            room.connected.pop(participant_id, None)
            room.fares.pop(participant_id, None)
            room.media.on_peer_closed(participant_id)
            await room.act(lambda it: it.drop_publications(participant_id))
        case _:
            pass


async def _connected(room: HostedRoom, seat: Seat) -> None:
    """Tell the visit service once for each socket; a return after a gap is the room's affair."""
    participant_id, attach_epoch = seat.participant_id, seat.attach_epoch
    peer = room.peer_of(participant_id)
    if peer is None or not peer.session.can_move:
        # It does not say itself when it has come over.
        room.media.note_ready(participant_id, room.media.room_epoch)
    await room.resume(participant_id)
    if peer is not None:
        for other_id, fare in room.fares.items():
            peer.tell(fare if other_id == participant_id else _as_others_see(fare))
    if room.connected.get(participant_id) != attach_epoch:
        room.connected[participant_id] = attach_epoch
        await room.tell_visit(Fact.MEDIA_CONNECTED, participant_id, attach_epoch)


def _tell_adaptation(
    room: HostedRoom, seat: Seat, event: control.LayersWanted | control.QualityTold
) -> None:
    peer = room.peer_of(seat.participant_id)
    if isinstance(event, control.QualityTold):
        _tell_quality(room, seat, event)
    elif peer is not None:
        encodings = tuple(
            EncodingWanted(rid=each.rid, is_wanted=each.is_wanted) for each in event.encodings
        )
        publication_id = PublicationId(event.publication_id)
        peer.tell(LayersWanted(publication_id=publication_id, encodings=encodings))


def _tell_quality(room: HostedRoom, seat: Seat, event: control.QualityTold) -> None:
    """Tell the words on change; the figures stay with the operators."""
    fare = Quality(
        participant_id=seat.participant_id,
        link=Link(event.link.value),
        rung=Rung(event.rung.value),
        cause=RungCause(event.cause.value),
    )
    before = room.fares.get(seat.participant_id)
    if fare == before:
        return
    room.fares[seat.participant_id] = fare
    if (own := room.peer_of(seat.participant_id)) is not None:
        own.tell(fare)
    if before is None or before.link is not fare.link:
        _tell_active(room, _as_others_see(fare), except_for=seat.participant_id)


def _as_others_see(fare: Quality) -> Quality:
    return Quality(participant_id=fare.participant_id, link=fare.link)


def _tell_active(
    room: HostedRoom, message: Speakers | Quality, *, except_for: ParticipantId | None = None
) -> None:
    for participant_id, seat in room.machine.seats.items():
        peer = room.peer_of(participant_id)
        if peer is not None and seat.is_active and participant_id != except_for:
            peer.tell(message)


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
