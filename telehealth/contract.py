"""All that signaling may import: opaque ids, ticket claims, room commands, presence events.  Pure.

Fields are snake_case, `type` values kebab-case, instants RFC 3339 UTC.  Nothing here carries a
name, an address or free text.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, NewType, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

ClinicId = NewType("ClinicId", UUID)
PersonId = NewType("PersonId", UUID)
VisitId = NewType("VisitId", UUID)
ParticipantId = NewType("ParticipantId", UUID)
"""One person's attendance of one visit; the room knows people by nothing else."""

TICKET_ISSUER: Final = "telehealth"
SIGNALING_AUDIENCE: Final = "signaling"
VISIT_SERVICE_AUDIENCE: Final = "visit-service"
JOIN_TICKET_TYP: Final = "visit-join+jwt"
SERVICE_TOKEN_TYP: Final = "service+jwt"  # noqa: S105  (a media type, no secret)
JOIN_TICKET_LIFE_S: Final = 60
SERVICE_TOKEN_LIFE_S: Final = 60
KEY_SET_LIFE_S: Final = 30
"""How old a copy of the public keys may grow: a key taken back is believed no longer than this,
what reading the key file anew takes (5 s), and one fetch."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AttendanceKind(StrEnum):
    """How somebody attends a visit: the chip beside the name."""

    PATIENT = "patient"
    PROVIDER = "provider"
    INTERPRETER = "interpreter"
    FAMILY = "family"
    OBSERVER = "observer"


class Entry(StrEnum):
    """Where a ticket lets its holder sit first."""

    LOBBY = "lobby"
    DIRECT = "direct"


class TicketClaims(_Wire):
    """Claims of a join ticket (JWT, EdDSA, typ `visit-join+jwt`, 60 s, one use).

    `sub` is the person; `room` equals the visit id.  Source: RFC 7519, RFC 8725.
    """

    iss: Literal["telehealth"]
    aud: Literal["signaling"]
    sub: UUID
    jti: Annotated[str, Field(min_length=16, max_length=64)]
    iat: int
    exp: int
    room: UUID
    participant: UUID
    role: Annotated[str, Field(max_length=32)]
    kind: AttendanceKind
    may_admit: bool
    entry: Entry


class RoomCommandKind(StrEnum):
    """What the visit service asks of every signaling node that may hold the room."""

    CALLED_IN = "called-in"
    """The patient named may leave the lobby; the visit service has recorded it."""
    RETURNED = "returned"
    """The participant named goes back to the lobby."""
    VISIT_CHANGED = "visit-changed"
    """Something of the visit changed; whoever cares fetches it by REST."""
    REVOKED = "revoked"
    """The participant named leaves now and may not come back."""
    ENDED = "ended"
    """The visit is over for everybody."""


class RoomCommand(_Wire):
    """One frame of the `/control/visit` socket, visit service to signaling.

    Repeated safely: a `command_id` seen before is acknowledged and does nothing.
    """

    type: Literal["room-command"] = "room-command"
    command_id: UUID
    kind: RoomCommandKind
    visit_id: UUID
    participant_id: UUID | None = None
    version: Annotated[int, Field(ge=0)] = 0
    """Version of the visit after the change."""


class ControlHello(_Wire):
    """First frame of `/control/visit`: a service token, HS256, audience `signaling`."""

    type: Literal["hello"] = "hello"
    token: str


class ControlDone(_Wire):
    """Signaling's acknowledgement of one room command (or of the hello: `command_id` null)."""

    type: Literal["done"] = "done"
    command_id: UUID | None


class Admission(_Wire):
    """POST /internal/v1/admissions: a host lets somebody in; recorded before it takes effect.

    Answers: 204; 403 `access.not_permitted`; 404 `visit.unknown`; 409 `visit.illegal_step`.
    """

    command_id: UUID
    visit_id: UUID
    participant_id: UUID
    by_participant_id: UUID


class RemovalCause(StrEnum):
    """Why a host removed somebody."""

    WRONG_PERSON = "wrong_person"
    DISTURBANCE = "disturbance"
    NO_LONGER_NEEDED = "no_longer_needed"


class Removal(_Wire):
    """POST /internal/v1/removals: a host removes somebody, or returns them to the lobby."""

    command_id: UUID
    visit_id: UUID
    participant_id: UUID
    by_participant_id: UUID
    cause: RemovalCause | None
    """None means returned to the lobby."""


class PresenceKind(StrEnum):
    """What signaling saw of a participant."""

    ENTERED_LOBBY = "entered_lobby"
    JOINED = "joined"
    AWAY = "away"
    BACK = "back"
    LEFT = "left"
    MEDIA_CONNECTED = "media_connected"
    MEDIA_FAILED = "media_failed"


class LeftCause(StrEnum):
    """Why a stay ended."""

    LEFT = "left"
    TIMEOUT = "timeout"
    REMOVED = "removed"
    ENDED = "ended"


class PresenceEvent(_Wire):
    """A fact about a seat.  Counts once by `event_id`, however often it is told."""

    event_id: UUID
    kind: PresenceKind
    visit_id: UUID
    participant_id: UUID
    attach_epoch: Annotated[int, Field(ge=0)]
    at: datetime
    cause: LeftCause | None = None


class PresenceEvents(_Wire):
    """POST /internal/v1/presence-events: a batch from the spool; answered 204 when stored."""

    events: Annotated[list[PresenceEvent], Field(max_length=200)]


JsonWebKey: TypeAlias = dict[str, str]


class KeySet(_Wire):
    """GET /internal/v1/keys: public halves of the ticket-signing keys (RFC 7517)."""

    keys: Annotated[list[JsonWebKey], Field(max_length=16)]
