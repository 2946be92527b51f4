"""What the machines of this package ask of their shell."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from signaling.contract.close_codes import CloseCode
from signaling.contract.ids import ParticipantId
from signaling.contract.messages import (
    FromServer,
    Goodbye,
    Hello,
    Request,
    RoomEvent,
    SeatState,
)

# --- of one peer's session ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Put a message in the peer's outbox."""

    message: FromServer


@dataclass(frozen=True, slots=True)
class Close:
    """Close the socket once what was sent before is out; nothing more is taken from it."""

    code: CloseCode
    goodbye: Goodbye | None = None


@dataclass(frozen=True, slots=True)
class Attach:
    """Check the ticket, take the seat; owes `on_attached`, `on_seat_taken` or `on_turned_away`."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take the seat from the other device; owes `on_attached` or `on_turned_away`."""

    re: int


@dataclass(frozen=True, slots=True)
class Carry:
    """Carry out a request that this seat may make now; owes an answer where one is due."""

    request: Request


SessionEffect: TypeAlias = Send | Close | Attach | TakeOver | Carry

# --- of a room -----------------------------------------------------------------------------------


class Audience(StrEnum):
    """Who hears of an event.  A lobby seat hears of itself, and of the visit as a whole."""

    ACTIVE = "active"
    HOSTS = "hosts"
    EVERYBODY = "everybody"
    ONE = "one"


class Fact(StrEnum):
    """What the visit service is told of a seat."""

    ENTERED_LOBBY = "entered_lobby"
    JOINED = "joined"
    AWAY = "away"
    BACK = "back"
    LEFT = "left"
    MEDIA_CONNECTED = "media_connected"
    MEDIA_FAILED = "media_failed"


class CutReason(StrEnum):
    """Why a participant's media ends; the words of the media contract."""

    LEFT = "left"
    REMOVED = "removed"
    RETURNED = "returned"
    TIMEOUT = "timeout"
    ENDED = "ended"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Number an event, log it, and tell it to whoever belonged to its audience just then."""

    event: RoomEvent
    audience: Audience
    hearers: tuple[ParticipantId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellVisit:
    """Tell the visit service a fact about a seat."""

    fact: Fact
    participant_id: ParticipantId
    attach_epoch: int
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """A seat stands in another state now: its session and its record follow."""

    participant_id: ParticipantId
    state: SeatState


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMedia:
    """Give an active participant a peer at the media node."""

    participant_id: ParticipantId


@dataclass(frozen=True, slots=True, kw_only=True)
class CutMedia:
    """End a participant's media; done before anybody is told that it ended."""

    participant_id: ParticipantId
    attach_epoch: int
    reason: CutReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSeat:
    """Close the socket of a seat that was given up."""

    participant_id: ParticipantId
    close: Close


RoomEffect: TypeAlias = Announce | TellVisit | Seated | OpenMedia | CutMedia | CloseSeat
