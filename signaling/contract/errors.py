"""Refusals of the signaling server: what `refused` and a close may mean.

Here: the root of all errors of this package, our own misuse, and every expected no with its code.
Only codes and numbers are carried: a name, an address or a ticket cannot ride along.
"""

from typing import ClassVar, LiteralString

from signaling.contract.close_codes import CloseCode


class SignalingError(Exception):
    """Root of this package's errors."""

    code: ClassVar[LiteralString] = "internal"
    public_message: ClassVar[LiteralString] = "Something went wrong on our side."

    def __init__(self) -> None:
        super().__init__(self.code)


class LocalMisuse(SignalingError):
    """Our own code broke an obligation."""

    code = "internal"


class Refusal(SignalingError):
    """An expected no, told to the client as `refused`.

    Args:
        re: Request that is refused; None when the frame could not be read.
        retry_after_ms: Least time before the request is worth repeating.
    """

    may_retry: ClassVar[bool] = False
    closes_with: ClassVar[CloseCode] = CloseCode.NOT_AUTHENTICATED
    """Close code when this refusal answers a hello; at a seat a refusal closes nothing."""

    def __init__(self, *, re: int | None = None, retry_after_ms: int | None = None) -> None:
        super().__init__()
        self.re = re
        self.retry_after_ms = retry_after_ms


class PeerViolation(Refusal):
    """The client broke the protocol; the third in ten seconds closes the socket."""

    closes_with = CloseCode.BAD_MESSAGE


class BadMessage(PeerViolation):
    """The frame is no message of this protocol: not JSON, too deep, or a field is wrong."""

    code = "bad_message"
    public_message = "Your browser and our server do not understand each other. Reload the page."


class NotPermitted(PeerViolation):
    """This seat may not ask for that."""

    code = "not_permitted"
    public_message = "You cannot do this in this call."


class UnsupportedMessage(Refusal):
    """The message type is not known here; a newer client may meet an older server."""

    code = "unsupported_message"
    public_message = "Our server does not know this function yet."
    closes_with = CloseCode.BAD_MESSAGE


class WrongState(Refusal):
    """The message does not belong to where this seat stands now."""

    code = "wrong_state"
    public_message = "This is not possible right now."
    closes_with = CloseCode.BAD_MESSAGE


class UnknownParticipant(Refusal):
    """Nobody of that id sits in this room."""

    code = "unknown_participant"
    public_message = "This person is not in the call any more."


class UnknownPublication(Refusal):
    """No such publication, or not one's own."""

    code = "unknown_publication"
    public_message = "This picture or sound is not in the call any more."


class TicketInvalid(Refusal):
    """The ticket is not one of ours, not for this use, or ended."""

    code = "ticket_invalid"
    public_message = "Your pass to this call is not valid any more. Reload the page."
    may_retry = True


class TicketUsed(Refusal):
    """The ticket was shown before."""

    code = "ticket_used"
    public_message = "Your pass to this call was used already. Reload the page."
    may_retry = True


class SeatTakenElsewhere(Refusal):
    """The question whether to move the call to this device was answered too late."""

    code = "seat_taken"
    public_message = "You are in this call on another device."
    may_retry = True
    closes_with = CloseCode.SUPERSEDED


class RoomFull(Refusal):
    """All seats of the room are taken."""

    code = "room_full"
    public_message = "This call is full."
    closes_with = CloseCode.LIMIT


class RoomOver(Refusal):
    """The visit of this room is over."""

    code = "room_ended"
    public_message = "This visit is over."
    closes_with = CloseCode.ENDED


class LimitReached(Refusal):
    """Too much, too fast."""

    code = "limit_reached"
    public_message = "That was too fast. Please wait a moment."
    may_retry = True
    closes_with = CloseCode.LIMIT


class StaleOffer(Refusal):
    """An offer number that was used before, or one lower."""

    code = "stale_offer"
    public_message = "The connection is being set up anew."
    may_retry = True


class StaleRoomEpoch(Refusal):
    """The room's media has moved since this offer was made."""

    code = "stale_room_epoch"
    public_message = "The connection is being set up anew."
    may_retry = True


class TooManySlots(Refusal):
    """The offer holds more sections than a room has seats."""

    code = "too_many_slots"
    public_message = "Your browser asks for more pictures than a call can hold."


class MediaFull(Refusal):
    """No media node takes another room now."""

    code = "media_full"
    public_message = "All call servers are busy. We are trying again."
    may_retry = True


class MediaUnavailable(Refusal):
    """The media node does not answer now."""

    code = "media_unavailable"
    public_message = "The call server does not answer. We are trying again."
    may_retry = True


class TryAgain(Refusal):
    """Presence cannot be written now."""

    code = "try_again"
    public_message = "Our server is catching its breath. We are trying again."
    may_retry = True
    closes_with = CloseCode.NOT_READY


class AuditUnavailable(Refusal):
    """The act could not be recorded, so it was not done."""

    code = "audit_unavailable"
    public_message = "This could not be recorded, so it was not done. Please try again."
    may_retry = True
