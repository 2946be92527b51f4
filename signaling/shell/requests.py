"""What a seated peer may ask, carried out; each verb answers, or raises the refusal.

Media first, then the room: nobody is told of a track that does not flow.  Recorded first, then
done: nobody is let in or sent away without the visit service having it in its books.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from media.contract import control
from signaling.contract.close_codes import CloseCode
from signaling.contract.errors import (
    BadMessage,
    MediaUnavailable,
    Refusal,
    StaleOffer,
    StaleRoomEpoch,
    TooManySlots,
    UnknownPublication,
)
from signaling.contract.ids import PublicationId
from signaling.contract.messages import (
    AckSlots,
    Action,
    AdmitParticipant,
    Goodbye,
    Leave,
    MediaReady,
    MediaStateReport,
    Mute,
    Offer,
    Ok,
    Ping,
    Pong,
    Publish,
    RemoveParticipant,
    Request,
    ReturnToLobby,
    Subscribe,
    Unpublish,
)
from signaling.core.effects import Close, Fact
from signaling.core.room import publication_of
from signaling.shell.hosted_room import HostedRoom
from signaling.shell.media_client import MediaRefused
from signaling.shell.peer import Peer
from telehealth.contract import RemovalCause

_LEFT: Final = Close(CloseCode.LEFT, Goodbye(cause="left", action=Action.STOP))
_MEDIA_SAYS: Final[Mapping[control.RefusalCode, type[Refusal]]] = MappingProxyType(
    {
        control.RefusalCode.STALE_OFFER: StaleOffer,
        control.RefusalCode.STALE_ROOM_EPOCH: StaleRoomEpoch,
        control.RefusalCode.BAD_SDP: BadMessage,
        control.RefusalCode.UNKNOWN_MID: BadMessage,
        control.RefusalCode.TOO_MANY_SLOTS: TooManySlots,
        control.RefusalCode.UNKNOWN_PUBLICATION: UnknownPublication,
    }
)


async def carry(room: HostedRoom, peer: Peer, request: Request) -> None:
    """Carry out a request.

    Raises:
        Refusal: It was not done.
    """
    try:
        await _CARRIED[type(request)](room, peer, request)
    except MediaRefused as refused:
        says = _MEDIA_SAYS.get(refused.code, MediaUnavailable)
        raise says(retry_after_ms=refused.retry_after_ms) from None


async def _ping(room: HostedRoom, peer: Peer, ping: Ping) -> None:
    del room
    at = datetime.fromtimestamp(peer.wall(), tz=UTC).isoformat(timespec="milliseconds")
    peer.tell(Pong(re=ping.id, server_at=at.replace("+00:00", "Z")))


async def _leave(room: HostedRoom, peer: Peer, leave: Leave) -> None:
    del leave
    await room.leave(peer)
    peer.close(_LEFT)


async def _offer(room: HostedRoom, peer: Peer, offer: Offer) -> None:
    sdp = await room.media.offer(
        control.Offer(
            **_seat(room, peer),
            offer_id=offer.offer_id,
            sdp=offer.sdp,
            ice_restart=offer.ice_restart,
        )
    )
    peer.session.on_answer(re=offer.id, offer_id=offer.offer_id, sdp=sdp)
    peer.flush()


async def _media_state(room: HostedRoom, peer: Peer, report: MediaStateReport) -> None:
    del report
    await room.tell_visit(Fact.MEDIA_FAILED, peer.participant_id, room.seat_of(peer).attach_epoch)


async def _publish(room: HostedRoom, peer: Peer, publish: Publish) -> None:
    publication_id = publication_of(peer.participant_id, publish.source)
    await room.media.command(
        control.Publish(
            **_seat(room, peer),
            publication_id=publication_id,
            mid=publish.mid,
            source=control.Source(publish.source.value),
            is_muted=publish.is_muted,
        )
    )
    await room.act(
        lambda it: it.publish(peer.participant_id, publish.source, is_muted=publish.is_muted)
    )
    peer.tell(Ok(re=publish.id, publication_id=publication_id))


async def _unpublish(room: HostedRoom, peer: Peer, unpublish: Unpublish) -> None:
    publication_id = PublicationId(unpublish.publication_id)
    room.machine.own_publication(peer.participant_id, publication_id)
    await room.media.command(control.Unpublish(**_seat(room, peer), publication_id=publication_id))
    await room.act(lambda it: it.unpublish(peer.participant_id, publication_id))
    peer.tell(Ok(re=unpublish.id, publication_id=publication_id))


async def _mute(room: HostedRoom, peer: Peer, mute: Mute) -> None:
    publication_id = PublicationId(mute.publication_id)
    own = room.machine.own_publication(peer.participant_id, publication_id)
    await room.media.command(
        control.Mute(**_seat(room, peer), publication_id=publication_id, is_muted=mute.is_muted)
    )
    await room.act(lambda it: it.publish(peer.participant_id, own.source, is_muted=mute.is_muted))
    peer.tell(Ok(re=mute.id, publication_id=publication_id))


async def _subscribe(room: HostedRoom, peer: Peer, subscribe: Subscribe) -> None:
    wants = tuple(
        control.Want(
            publication_id=want.publication_id,
            max_width_px=want.max_width_px,
            priority=want.priority,
        )
        for want in subscribe.wants
    )
    await room.media.command(control.SetWants(**_seat(room, peer), wants=wants))


async def _ack_slots(room: HostedRoom, peer: Peer, ack: AckSlots) -> None:
    await room.media.command(control.AckSlots(**_seat(room, peer), map_id=ack.map_id))


async def _media_ready(room: HostedRoom, peer: Peer, ready: MediaReady) -> None:
    room.media.note_ready(room.seat_of(peer).participant_id, ready.room_epoch)


async def _admit(room: HostedRoom, peer: Peer, admit: AdmitParticipant) -> None:
    host, admitted = peer.participant_id, admit.participant_id
    room.machine.check_host(host, admitted)
    await room.visits.admit(room.room_id, admitted, by=host)
    await room.act(lambda it: it.admit(admitted, by=host))
    peer.tell(Ok(re=admit.id))


async def _return(room: HostedRoom, peer: Peer, asked: ReturnToLobby) -> None:
    host, returned = peer.participant_id, asked.participant_id
    room.machine.check_host(host, returned)
    await room.visits.remove(room.room_id, returned, by=host, cause=None)
    await room.act(lambda it: it.return_to_lobby(returned, by=host))
    peer.tell(Ok(re=asked.id))


async def _remove(room: HostedRoom, peer: Peer, asked: RemoveParticipant) -> None:
    host, removed = peer.participant_id, asked.participant_id
    room.machine.check_host(host, removed)
    cause = RemovalCause(asked.cause.value)
    await room.visits.remove(room.room_id, removed, by=host, cause=cause)
    await room.act(lambda it: it.remove(removed, by=host))
    peer.tell(Ok(re=asked.id))


def _seat(room: HostedRoom, peer: Peer) -> dict[str, Any]:
    seat = room.seat_of(peer)
    return {
        "request_id": "-",
        "room_id": room.room_id,
        "room_epoch": room.media.room_epoch,
        "participant_id": seat.participant_id,
        "attach_epoch": seat.attach_epoch,
    }


_Verb: TypeAlias = Callable[[HostedRoom, Peer, Any], Awaitable[None]]
_CARRIED: Final[Mapping[type[Request], _Verb]] = MappingProxyType(
    {
        Ping: _ping,
        Leave: _leave,
        Offer: _offer,
        MediaStateReport: _media_state,
        Publish: _publish,
        Unpublish: _unpublish,
        Mute: _mute,
        Subscribe: _subscribe,
        AckSlots: _ack_slots,
        MediaReady: _media_ready,
        AdmitParticipant: _admit,
        ReturnToLobby: _return,
        RemoveParticipant: _remove,
    }
)
