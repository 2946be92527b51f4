"""What chart sync needs of an EHR, and what may come back.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from telehealth.delivery.ports import OutcomeCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an HTTP server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReply:
    """Nothing readable came back."""

    may_have_arrived: bool
    """False only when no byte of the request left."""


class Exchange(Protocol):
    """One request, one answer; never follows a redirect, never raises a transport's error."""

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Reply | NoReply:
        """Send a request and read its answer."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class TroubleKind(StrEnum):
    """What a failed request means for what was asked."""

    REFUSED = "refused"
    LATER = "later"
    """Nothing happened at the EHR; the same may be asked again."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A request that did not do what it should."""

    kind: TroubleKind
    code: OutcomeCode
    http_status: int | None = None
    not_before: datetime | None = None
    counts: bool = True
    pauses_partner: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The EHR has the resource, from now or from before."""

    ref: str
    """`Type/id`."""
    http_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Resources that carry the identifier asked for."""

    resources: Sequence[Mapping[str, Any]] = field(repr=False)
    http_status: int

    @property
    def refs(self) -> Sequence[str]:
        """Their references, `Type/id`."""
        return [f"{found['resourceType']}/{found['id']}" for found in self.resources]


CreateAnswer: TypeAlias = Stored | Trouble
SearchAnswer: TypeAlias = Matched | Trouble


class Chart(Protocol):
    """An EHR that speaks FHIR R4."""

    async def create_once(
        self, resource: Mapping[str, Any], *, system: str, value: str, send_before_s: float
    ) -> CreateAnswer:
        """Create `resource` unless the EHR has one of its type with this identifier."""
        ...

    async def find(self, resource_type: str, *, system: str, value: str) -> SearchAnswer:
        """Search one type by identifier."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
