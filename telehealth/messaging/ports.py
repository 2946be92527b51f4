"""What messaging needs of a channel, and what an adapter may answer.  Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from telehealth.delivery.ports import OutcomeCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one address."""

    message_id: UUID
    """The same on every resend."""
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    since: datetime
    """Not sent before this instant: what is older at the channel is another message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The channel has the message and will try to bring it."""

    ref: str
    http_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAccepted:
    """The channel says no, and the same again would not help."""

    code: OutcomeCode
    http_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Nothing was sent; the same may be tried again."""

    code: OutcomeCode
    http_status: int | None = None
    counts: bool = True
    pauses_partner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """It may or may not have been taken."""

    code: OutcomeCode
    http_status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The channel does not have it."""

    http_status: int


SendAnswer: TypeAlias = Accepted | NotAccepted | Later | Unclear
FindAnswer: TypeAlias = Accepted | Absent | Unclear


class MessageChannel(Protocol):
    """One way to reach people."""

    async def send(self, message: Outgoing) -> SendAnswer:
        """Hand a message over, once."""
        ...

    async def find(self, message: Outgoing) -> FindAnswer:
        """Ask whether the channel has this message; send nothing."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
