"""One peer's machine: what it may say where it stands, and what follows.

A literal table says which message belongs to which place.  Not here: the room (`room`), what
becomes of an accepted request (the shell carries it out and owes the answer).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from signaling.contract.close_codes import WHO_MAY_RETRY, CloseCode, Retry
from signaling.contract.codec import FIRST_FRAME_BYTES_MAX, FRAME_BYTES_MAX, decode, size_of
from signaling.contract.errors import (
    BadMessage,
    LimitReached,
    LocalMisuse,
    NotPermitted,
    PeerViolation,
    Refusal,
    SeatTakenElsewhere,
    WrongState,
)
from signaling.contract.messages import (
    MEDIA_MOVE,
    AckSlots,
    Action,
    AdmitParticipant,
    Admitted,
    Answer,
    Candidate,
    Cause,
    FromClient,
    FromServer,
    Goodbye,
    Hello,
    IceServersRenewed,
    Leave,
    MediaMove,
    MediaReady,
    MediaRebuild,
    MediaState,
    MediaStateReport,
    Mute,
    Offer,
    Ping,
    Publish,
    Refused,
    RemoveParticipant,
    Request,
    ReturnToLobby,
    SeatState,
    SeatTaken,
    Subscribe,
    TakeOver,
    Unpublish,
    Welcome,
)
from signaling.core import effects
from signaling.core.effects import Attach, Carry, Close, Send, SessionEffect
from signaling.core.limits import PeerLimits
from signaling.core.negotiation import Negotiation

HELLO_LIMIT_S: Final = 5.0
TAKE_OVER_LIMIT_S: Final = 30.0


class Place(StrEnum):
    """Where a peer stands."""

    GREETING = "greeting"
    SEAT_TAKEN = "seat_taken"
    LOBBY = "lobby"
    ACTIVE = "active"
    CLOSED = "closed"


_SEATED: Final = frozenset({Place.LOBBY, Place.ACTIVE})
_IN: Final = frozenset({Place.ACTIVE})

ALLOWED: Final[Mapping[type[Request], frozenset[Place]]] = MappingProxyType(
    {
        Hello: frozenset({Place.GREETING}),
        TakeOver: frozenset({Place.SEAT_TAKEN}),
        Ping: _SEATED,
        Leave: _SEATED,
        Offer: _IN,
        Candidate: _IN,
        MediaStateReport: _IN,
        Publish: _IN,
        Unpublish: _IN,
        Mute: _IN,
        Subscribe: _IN,
        AckSlots: _IN,
        MediaReady: _IN,
        AdmitParticipant: _IN,
        ReturnToLobby: _IN,
        RemoveParticipant: _IN,
    }
)
HOSTS_ONLY: Final = frozenset({AdmitParticipant, ReturnToLobby, RemoveParticipant})
_OWN_CAUSES: Final = frozenset({Cause.LEFT, Cause.PAGE_CLOSED})


class Session:
    """One socket's conversation.  After each input the caller owes every effect.

    Args:
        now: Monotonic instant in seconds at which the socket opened.
    """

    def __init__(self, *, now: float) -> None:
        self.place = Place.GREETING
        self.deadline: float | None = now + HELLO_LIMIT_S
        self.may_admit = False
        self.can_move = False
        """Whether the client can hold a connection to each of two places."""
        self._limits = PeerLimits(now=now)
        self._negotiation = Negotiation()
        self._last_id = 0
        self._effects: list[SessionEffect] = []

    def take_effects(self) -> list[SessionEffect]:
        """Hand over what is to be done, in order."""
        owed, self._effects = self._effects, []
        return owed

    def receive(self, frame: str | bytes, *, now: float) -> None:
        """Take one frame; a closed session ignores it."""
        if self.place is Place.CLOSED:
            return
        if isinstance(frame, bytes):
            self._close(CloseCode.BINARY, "binary")
        elif not self._limits.has_room_for(size_of(frame), now=now):
            self._close(CloseCode.LIMIT, "flood")
        else:
            self._read(frame, now)

    def on_deadline(self, *, now: float) -> None:
        """End a socket that did not say in time what it had to say."""
        if self.deadline is None or now < self.deadline:
            return
        if self.place is Place.SEAT_TAKEN:
            self.refuse(SeatTakenElsewhere())
            self._close(CloseCode.SUPERSEDED, "seat_taken")
        else:
            self._close(CloseCode.NOT_AUTHENTICATED, "no_hello")

    def on_attached(self, welcome: Welcome) -> None:
        """Take the seat; a socket that has ended meanwhile leaves it to fall silent.

        Raises:
            LocalMisuse: Nothing was asked.
        """
        if self.place is Place.CLOSED:
            return
        if self.place not in {Place.GREETING, Place.SEAT_TAKEN}:
            raise LocalMisuse
        self.deadline = None
        self.may_admit = welcome.may_admit
        self._stand(welcome.state)
        self._send(welcome)

    def on_seat_taken(self, *, re: int, since_s: int, now: float) -> None:
        """Ask whether the call shall move to this device.

        Raises:
            LocalMisuse: Nothing was asked.
        """
        if self.place is Place.CLOSED:
            return
        if self.place is not Place.GREETING:
            raise LocalMisuse
        self.place = Place.SEAT_TAKEN
        self.deadline = now + TAKE_OVER_LIMIT_S
        self._send(SeatTaken(re=re, since_s=since_s))

    def on_turned_away(self, refusal: Refusal) -> None:
        """Refuse the seat and close."""
        self.refuse(refusal)
        self._close(type(refusal).closes_with, refusal.code, refusal.retry_after_ms)

    def on_seated(self, state: SeatState) -> None:
        """Follow the seat: into the room, or back to the lobby."""
        if self.place in _SEATED:
            self._stand(state)

    def on_media_open(self, message: Admitted | MediaRebuild | MediaMove) -> None:
        """Tell where the room's media is, or is now."""
        if self.place is Place.ACTIVE:
            self._negotiation.open(message.room_epoch)
            self._send(message)

    def on_relays(self, message: IceServersRenewed) -> None:
        """Tell fresh relay credentials; only whoever is admitted may hold any."""
        if self.place is Place.ACTIVE:
            self._send(message)

    def on_answer(self, *, re: int, offer_id: int, sdp: str) -> None:
        """Tell the answer to an offer, unless a newer one was made or the seat is not active."""
        if self.place is Place.ACTIVE and self._negotiation.answer(offer_id):
            self._send(Answer(re=re, offer_id=offer_id, sdp=sdp))

    def tell(self, message: FromServer) -> None:
        """Send a message to a peer that has a seat."""
        if self.place in _SEATED:
            self._send(message)

    def refuse(self, refusal: Refusal) -> None:
        """Answer that something was not done."""
        self._send(
            Refused(
                re=refusal.re,
                code=refusal.code,
                may_retry=type(refusal).may_retry,
                retry_after_ms=refusal.retry_after_ms,
            )
        )

    def close(self, close: Close) -> None:
        """End this socket; a second end is ignored."""
        if self.place is not Place.CLOSED:
            self.place, self.deadline = Place.CLOSED, None
            self._effects.append(close)

    def _read(self, frame: str, now: float) -> None:
        is_first = self.place is Place.GREETING
        limit_bytes = FIRST_FRAME_BYTES_MAX if is_first else FRAME_BYTES_MAX
        try:
            request = decode(frame, limit_bytes=limit_bytes)
            self._check(request)
            self._accept(request, now)
        except Refusal as refusal:
            self._answer_no(refusal, now)

    def _check(self, request: FromClient) -> None:
        """Let a message pass that belongs here, from one who may."""
        if request.id <= self._last_id:
            raise BadMessage(re=request.id)
        self._last_id = request.id
        if self.place not in ALLOWED[type(request)]:
            raise WrongState(re=request.id)
        if type(request) in HOSTS_ONLY and not self.may_admit:
            raise NotPermitted(re=request.id)

    def _accept(self, request: FromClient, now: float) -> None:
        match request:
            case Hello(features=features):
                self.can_move = MEDIA_MOVE in features
                # Said in time: how long the seat takes is not for the peer to answer for.
                self.deadline = None
                self._effects.append(Attach(request))
            case TakeOver():
                self.deadline = None
                self._effects.append(effects.TakeOver(request.id))
            case Offer() | Candidate():
                self._negotiate(request, now)
            case MediaStateReport(state=state):
                # Only a failure is a fact for others; the media node tells the rest itself.
                if state is MediaState.FAILED:
                    self._effects.append(Carry(request))
            case Leave(cause=cause) if cause not in _OWN_CAUSES:
                raise BadMessage(re=request.id)
            case _:
                self._effects.append(Carry(request))

    def _negotiate(self, request: Offer | Candidate, now: float) -> None:
        try:
            if isinstance(request, Candidate):
                self._negotiation.candidate(request.offer_id)
                return
            wait_s = self._limits.wait_for_offer_s(now=now)
            if wait_s > 0:
                raise LimitReached(retry_after_ms=int(wait_s * 1000) + 1)
            self._negotiation.offer(request.offer_id, request.room_epoch)
        except Refusal as refusal:
            refusal.re = request.id
            raise
        self._effects.append(Carry(request))

    def _answer_no(self, refusal: Refusal, now: float) -> None:
        self.refuse(refusal)
        if self.place not in _SEATED:
            self._close(type(refusal).closes_with, refusal.code)
        elif isinstance(refusal, PeerViolation) and self._limits.is_last_strike(now=now):
            self._close(CloseCode.BAD_MESSAGE, refusal.code)

    def _stand(self, state: SeatState) -> None:
        is_active = state in {SeatState.ACTIVE, SeatState.ACTIVE_AWAY}
        self.place = Place.ACTIVE if is_active else Place.LOBBY
        if self.place is Place.LOBBY:
            self._negotiation.close()

    def _send(self, message: FromServer) -> None:
        if self.place is not Place.CLOSED:
            self._effects.append(Send(message))

    def _close(self, code: CloseCode, cause: str, retry_after_ms: int | None = None) -> None:
        may_come_back = WHO_MAY_RETRY[code] is Retry.PROGRAM
        action = Action.REJOIN if may_come_back else Action.STOP
        goodbye = Goodbye(cause=cause, action=action, retry_after_ms=retry_after_ms)
        self.close(Close(code, goodbye))
