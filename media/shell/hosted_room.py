"""One live room on this node: its seats, their peers, and the rules of `media.core.room` obeyed.

Commands of one participant come in, refusals go out as `PeerViolation`; what the room's machine
wants done is done before the next input.  Not here: rooms as a set, repeats of a command (`node`).
"""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from media.contract.control import (
    AckSlots,
    AttachPeer,
    ControlEvent,
    DetachPeer,
    Done,
    KeyFrameStall,
    Mute,
    Offer,
    Pause,
    PeerClosed,
    PeerConnected,
    PeerLost,
    PeerSuspect,
    PublicationLive,
    Publish,
    RefusalCode,
    SeatCommand,
    SetWants,
    SlotAssignment,
    SlotMap,
    Source,
    Unpublish,
)
from media.contract.errors import Refused
from media.core.engine_face import Kind, PeerKey, PublicationKey, RouteEdit
from media.core.ice_lite import Lost, Suspect
from media.core.room import Room
from media.core.room_facts import PublicationMuted, RouteChanged, SlotMapMade
from media.shell import dtls_seam
from media.shell.adaptation import Adaptation
from media.shell.engine_names import EngineNames
from media.shell.peer import Closed, Connected, Peer, PeerNews, Plant
from media.shell.seat import Seat

EMPTY_LIMIT_S: Final = 300.0
"""A room without a peer for this long is closed by us."""
_AT_ONCE, _NEVER = float("-inf"), float("inf")


class HostedRoom:
    """A room of one epoch.  `tell` takes a participant and an event whose number is not set."""

    def __init__(
        self,
        *,
        room_id: str,
        epoch: int,
        seats_max: int,
        plant: Plant,
        tell: Callable[[str, ControlEvent], None],
        now: float,
    ) -> None:
        self.room_id = room_id
        self.epoch = epoch
        self.seats: dict[str, Seat] = {}
        self._seats_max = seats_max
        self._plant = plant
        self._names = EngineNames(room_id)
        self._tell = tell
        self._room = plant.recorder.room(
            Room(seats=seats_max), name=f"{room_id}/{epoch}", seats=seats_max, now=now
        )
        self._adaptation = Adaptation(
            engine=plant.engine, room=self._room, seat_of=self.seats.get, key_of=self._names.peer
        )
        self._fences: dict[str, int] = {}
        self._cname = dtls_seam.draw_name()
        self._due_at = _AT_ONCE
        self.is_fenced = False
        """Nothing flows until signaling has confirmed this room's epoch."""
        self._empty_since: float | None = now

    def is_over(self, *, now: float) -> bool:
        """Say whether the room has been empty for so long that the node may forget it."""
        return self._empty_since is not None and now >= self._empty_since + EMPTY_LIMIT_S

    def fence(self) -> None:
        """Hold everything: this node may have been given up while it was stopped."""
        self.is_fenced = True
        self._settle_pauses()

    def confirm(self) -> None:
        """Let flow again what is not paused for a reason of its own."""
        self.is_fenced = False
        self._settle_pauses()

    def cap(self, overload_level: int) -> None:
        """Forward no picture wider than the node's load allows."""
        self._adaptation.cap(overload_level)
        self._due_at = _AT_ONCE

    def epoch_of(self, seat: Seat) -> int:
        """Return the newest attach epoch that spoke for a seat."""
        return self._fences.get(seat.participant_id, seat.peer_epoch)

    def slots_of(self, participant_id: str) -> list[tuple[str, str | None, bool]]:
        """Return a seat's slots: mid, publication id or None, and whether its packets enter."""
        return self._room.slots_of(participant_id)

    def apply(self, command: SeatCommand, *, now: float) -> Done:
        """Do one command of a participant, or raise why not; a lower epoch is refused first.

        Raises:
            PeerViolation: A typed refusal; nothing has changed but the fence.
        """
        fence = self._fences.get(command.participant_id, 0)
        if command.attach_epoch < fence:
            raise Refused(RefusalCode.STALE_ATTACH_EPOCH)
        self._fences[command.participant_id] = command.attach_epoch
        self._due_at = _AT_ONCE
        sdp = self._dispatch(command, now)
        self._obey(now)
        return Done(request_id=command.request_id, sdp=sdp)

    def on_tick(self, *, now: float) -> None:
        """Do what is due in every peer and in the room.

        A tick before `due_at` finds nothing to do and costs nothing.  What a datagram brings
        nearer is noticed a tenth of a second late at most: so often a room looks at its balance.
        """
        if now < self._due_at:
            return
        for seat in list(self.seats.values()):
            seat.peer.on_tick(now=now)
        deadline = self._room.deadline
        if deadline is not None and now >= deadline:
            self._room.on_deadline(now=now)
        self._obey(now)
        self._adapt(now)
        self._due_at = min(
            self._adaptation.deadline,
            _NEVER if (deadline := self._room.deadline) is None else deadline,
            *(seat.peer.deadline for seat in self.seats.values()),
        )

    def on_bound(self, seat: Seat, mid: str) -> None:
        """Note that packets of a send section arrive; tell it once it has a name."""
        seat.bound_mids.add(mid)
        for publication_id, published_mid in seat.publications.items():
            if published_mid == mid:
                self._tell_seat(seat, PublicationLive, publication_id=publication_id)

    def on_stall(self, seat: Seat, mid: str) -> None:
        """Tell that a publication's sender answers no key-frame request."""
        for publication_id, published_mid in seat.publications.items():
            if published_mid == mid:
                self._tell_seat(seat, KeyFrameStall, publication_id=publication_id)

    def close(self, *, now: float) -> None:
        """End every peer."""
        for seat in list(self.seats.values()):
            self._end(seat, now)
        self._obey(now)

    def peer_keys(self) -> Iterator[tuple[PeerKey, Seat]]:
        """Yield the live peers."""
        for seat in self.seats.values():
            yield seat.peer.key, seat

    def _dispatch(self, command: SeatCommand, now: float) -> str | None:
        match command:
            case AttachPeer():
                self._attach(command, now)
            case DetachPeer():
                self._detach(command, now)
            case Offer():
                return self._offer(command, now)
            case Publish() | Unpublish() | Mute() | Pause():
                self._dispatch_publication(command)
            case SetWants():
                self._seat(command)
                self._room.set_wants(command.participant_id, command.wants)
            case AckSlots():
                self._seat(command)
                self._room.ack_slots(command.participant_id, command.map_id, now=now)
            case _:
                raise Refused(RefusalCode.UNSUPPORTED_COMMAND)
        return None

    def _settle_pauses(self) -> None:
        for seat in self.seats.values():
            is_paused = seat.is_paused or self.is_fenced
            self._plant.engine.set_paused(seat.peer.key, is_paused=is_paused)

    def _dispatch_publication(self, command: Publish | Unpublish | Mute | Pause) -> None:
        match command:
            case Publish():
                self._publish(command)
            case Unpublish():
                self._unpublish(command)
            case Mute():
                self._mute(command)
            case Pause():
                self._pause(command)

    def _seat(self, command: SeatCommand) -> Seat:
        seat = self.seats.get(command.participant_id)
        if seat is None:
            raise Refused(RefusalCode.UNKNOWN_PARTICIPANT)
        return seat

    def _attach(self, command: AttachPeer, now: float) -> None:
        """Give a participant a peer; the one before it ends first, so two are never alive."""
        seat = self.seats.get(command.participant_id)
        if seat is not None and seat.peer_epoch == command.attach_epoch:
            return
        if seat is None and len(self.seats) >= self._seats_max:
            raise Refused(RefusalCode.ROOM_FULL)
        if seat is not None:
            self._end(seat, now)
            self._obey(now)
        key = self._names.peer(command.participant_id, command.attach_epoch)
        may_publish = frozenset(Source(each) for each in command.may_publish)
        peer = Peer(
            key=key,
            plant=self._plant,
            may_publish=may_publish,
            cname=self._cname,
            news=lambda news: self._on_news(fresh, news),
            now=now,
        )
        fresh = Seat(command.participant_id, command.attach_epoch, peer)
        self.seats[command.participant_id] = fresh
        self._empty_since = None
        self._settle_pauses()
        self._room.attach(command.participant_id, command.attach_epoch, may_publish)

    def _detach(self, command: DetachPeer, now: float) -> None:
        seat = self.seats.get(command.participant_id)
        if seat is not None:
            self._end(seat, now)

    def _offer(self, command: Offer, now: float) -> str:
        seat = self._seat(command)
        if command.offer_id <= seat.offer_id:
            raise Refused(RefusalCode.STALE_OFFER)
        seat.offer_id = command.offer_id
        answer = seat.peer.negotiate(command.sdp, now=now)
        agreement = seat.peer.agreement
        if agreement is not None:
            self._room.set_slots(
                command.participant_id,
                agreement.slot_mids(Kind.AUDIO),
                agreement.slot_mids(Kind.VIDEO),
            )
        return answer

    def _publish(self, command: Publish) -> None:
        """Name a send section: the mid must be the one agreed for this source."""
        seat = self._seat(command)
        agreement = seat.peer.agreement
        if agreement is None or agreement.publishable.get(command.mid) is not command.source:
            raise Refused(RefusalCode.UNKNOWN_MID)
        known_mid = seat.publications.get(command.publication_id)
        if known_mid is None and self._is_taken(seat, command):
            raise Refused(RefusalCode.BAD_COMMAND)
        if known_mid not in {None, command.mid}:
            raise Refused(RefusalCode.UNKNOWN_MID)
        if known_mid is None:
            self._room.publish(
                command.participant_id,
                command.publication_id,
                command.mid,
                command.source,
                is_muted=command.is_muted,
            )
            seat.publications[command.publication_id] = command.mid
        else:
            self._room.mute(
                command.participant_id, command.publication_id, is_muted=command.is_muted
            )
        self._plant.engine.set_muted(
            PublicationKey(peer=seat.peer.key, mid=command.mid), is_muted=command.is_muted
        )
        if known_mid is None and command.mid in seat.bound_mids:
            self._tell_seat(seat, PublicationLive, publication_id=command.publication_id)

    def _is_taken(self, seat: Seat, command: Publish) -> bool:
        """A name is one publication's in the whole room, a mid one publication's in a peer."""
        names = {name for other in self.seats.values() for name in other.publications}
        return command.publication_id in names or command.mid in seat.publications.values()

    def _unpublish(self, command: Unpublish) -> None:
        seat = self._seat(command)
        if seat.publications.pop(command.publication_id, None) is None:
            raise Refused(RefusalCode.UNKNOWN_PUBLICATION)
        self._room.unpublish(command.participant_id, command.publication_id)

    def _mute(self, command: Mute) -> None:
        seat = self._seat(command)
        if command.publication_id not in seat.publications:
            raise Refused(RefusalCode.UNKNOWN_PUBLICATION)
        self._room.mute(command.participant_id, command.publication_id, is_muted=command.is_muted)

    def _pause(self, command: Pause) -> None:
        """Hold one publication, or all media of a participant both ways, or let it go on."""
        seat = self._seat(command)
        if command.publication_id is None:
            seat.is_paused = command.is_paused
            self._settle_pauses()
        elif command.publication_id in seat.publications:
            mid = seat.publications[command.publication_id]
            publication = PublicationKey(peer=seat.peer.key, mid=mid)
            self._plant.engine.hold(publication, is_held=command.is_paused)
        else:
            raise Refused(RefusalCode.UNKNOWN_PUBLICATION)

    def _adapt(self, now: float) -> None:
        """Keep the balance of the room, and tell what came of it."""
        if now < self._adaptation.deadline:
            return
        peers = {name: seat.peer.key for name, seat in self.seats.items()}
        for told in self._adaptation.on_tick(peers, now=now):
            if told.participant_id is None:
                event = told.kind(
                    number=0, room_id=self.room_id, room_epoch=self.epoch, **told.facts
                )
                self._tell("", event)
            else:
                self._tell_seat(self.seats[told.participant_id], told.kind, **told.facts)

    def _end(self, seat: Seat, now: float) -> None:
        """Cut first, tell the room's rules second."""
        seat.peer.close()
        del self.seats[seat.participant_id]
        self._room.detach(seat.participant_id)
        if not self.seats:
            self._empty_since = now

    def _on_news(self, seat: Seat, news: PeerNews) -> None:
        self._due_at = _AT_ONCE
        match news:
            case Connected(profile=profile):
                self._adaptation.find(seat.participant_id)
                self._tell_seat(seat, PeerConnected, srtp_profile=profile.name)
            case Suspect():
                self._tell_seat(seat, PeerSuspect)
            case Lost():
                self._adaptation.lose(seat.participant_id, now=monotonic())
                self._tell_seat(seat, PeerLost)
            case Closed(reason=reason):
                now = monotonic()
                self._tell_seat(seat, PeerClosed, reason=reason.value)
                self._end(seat, now)
                self._obey(now)

    def _obey(self, now: float) -> None:
        """Do what the room's machine wants, in its order; neighbouring routes change together."""
        edits: list[RouteEdit] = []
        for effect in self._room.take_effects():
            match effect:
                case RouteChanged():
                    edits.append(self._names.edit(effect))
                case SlotMapMade():
                    self._tell_map(effect)
                case PublicationMuted(source=source, is_muted=is_muted):
                    self._plant.engine.set_muted(self._names.publication(source), is_muted=is_muted)
        if edits:
            self._plant.engine.route(edits, now=now)
            self._adaptation.hurry()
            self._due_at = _AT_ONCE

    def _tell_map(self, made: SlotMapMade) -> None:
        seat = self.seats.get(made.participant_id)
        if seat is not None and seat.peer_epoch == made.attach_epoch:
            slots = tuple(
                SlotAssignment(mid=mid, publication_id=publication_id)
                for mid, publication_id in made.slots
            )
            self._tell_seat(seat, SlotMap, map_id=made.map_id, slots=slots)

    def _tell_seat(self, seat: Seat, kind: Callable[..., ControlEvent], **facts: object) -> None:
        """Tell an event under the newest attach epoch; the channel numbers it."""
        event = kind(
            number=0,
            room_id=self.room_id,
            room_epoch=self.epoch,
            participant_id=seat.participant_id,
            attach_epoch=self._fences.get(seat.participant_id, seat.peer_epoch),
            **facts,
        )
        self._tell(seat.participant_id, event)
