"""Accept what a visit needs after check-in, and take a consent back."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from telehealth.access.http import actor_of
from telehealth.platform.http import body_of, services_of
from telehealth.visits.actions import consenting
from telehealth.visits.consent import TextVersion
from telehealth.visits.http import moved, visit_id_of

_BODY: Final = ConfigDict(frozen=True, extra="forbid")


class AcceptedText(BaseModel):
    """One text that was shown and agreed to."""

    model_config = _BODY
    text_id: Annotated[str, Field(min_length=1, max_length=40)]
    version: Annotated[int, Field(ge=1, le=10_000)]

    def as_text(self) -> TextVersion:
        """Return it as the rules know it."""
        return TextVersion(self.text_id, self.version)


class Acceptance(BaseModel):
    """POST /v1/visits/{visit_id}/consents."""

    model_config = _BODY
    accepted: Annotated[list[AcceptedText], Field(min_length=1, max_length=10)]
    language: Annotated[str, Field(max_length=8)]


class Withdrawal(BaseModel):
    """POST /v1/visits/{visit_id}/consents/withdraw: nothing to say; the visit is in the path."""

    model_config = _BODY


async def accept(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/consents."""
    by, services, body = actor_of(request), services_of(request), await body_of(request, Acceptance)
    async with services.database.unit_of_work() as uow:
        card = await consenting.accept(
            uow,
            by=by,
            now=services.clock.now(),
            visit_id=visit_id_of(request),
            accepted=[each.as_text() for each in body.accepted],
            language=body.language,
        )
    return moved(card)


async def withdraw(request: Request) -> Response:
    """POST /v1/visits/{visit_id}/consents/withdraw."""
    by, services = actor_of(request), services_of(request)
    await body_of(request, Withdrawal)
    async with services.database.unit_of_work() as uow:
        card = await consenting.withdraw(
            uow, by=by, now=services.clock.now(), visit_id=visit_id_of(request)
        )
    return moved(card)


routes: Final[Sequence[BaseRoute]] = (
    Route("/v1/visits/{visit_id}/consents", accept, methods=["POST"]),
    Route("/v1/visits/{visit_id}/consents/withdraw", withdraw, methods=["POST"]),
)
