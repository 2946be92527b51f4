"""A patient's request to correct the record: what may become of it, and by when.  Pure.

Source:
    45 CFR 164.526: answered within 60 days, (b)(2); the four grounds of a denial, (a)(2); a denial
    says its ground and that the patient may disagree in writing, (d)(1).
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from telehealth.privacy.errors import CorrectionAnswered, ReasonMissing

ANSWER_WITHIN: Final = timedelta(days=60)
TEXT_LIMIT: Final = 4_000
"""Characters a patient may write, and somebody may answer."""


class CorrectionState(StrEnum):
    """Where a request stands.  Stored: renaming one is a migration."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DENIED = "denied"


class DenialReason(StrEnum):
    """The grounds on which a correction may be denied.  Stored."""

    ACCURATE = "accurate"
    NOT_CREATED_HERE = "not_created_here"
    NOT_PART_OF_RECORD = "not_part_of_record"
    NOT_OPEN_TO_ACCESS = "not_open_to_access"


def due_on(asked_at: datetime) -> date:
    """Return the last day for an answer."""
    return (asked_at + ANSWER_WITHIN).date()


def check_answer(
    state: CorrectionState, *, becomes: CorrectionState, reason: DenialReason | None, text: str
) -> None:
    """Refuse an answer that does not hold.

    Raises:
        CorrectionAnswered: It was answered before; an answer stands.
        ReasonMissing: A denial without a ground, an acceptance with one, or no words for the
            patient.
    """
    if state is not CorrectionState.OPEN:
        raise CorrectionAnswered
    is_denial = becomes is CorrectionState.DENIED
    if becomes is CorrectionState.OPEN or is_denial != (reason is not None) or not text.strip():
        raise ReasonMissing
