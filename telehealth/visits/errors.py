"""Refusals about visits."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from telehealth.platform.errors import TelehealthError
from telehealth.visits.consent import TextVersion


class VisitUnknown(TelehealthError):
    """There is no such visit for the actor; another person's looks the same."""

    code = "visit.unknown"
    public_message = "This visit could not be found."


class IllegalVisitStep(TelehealthError):
    """The visit is not in a state from which this step can be taken."""

    code = "visit.illegal_step"
    public_message = "This visit has moved on. Refresh to see where it stands."


class VisitMoved(TelehealthError):
    """The caller saw an older version; the fresh state is told with the refusal."""

    code = "visit.newer_version"
    public_message = "Somebody changed this visit a moment ago. Here is where it stands now."

    def __init__(self, *, state: StrEnum, version: int) -> None:
        super().__init__(state=state, version=version)
        self.told: Mapping[str, Any] = {"state": state.value, "version": version}


class TooEarly(TelehealthError):
    """Check-in for this visit has not opened yet."""

    code = "visit.too_early"
    public_message = "It is too early to check in. The page shows from when you can."


class TooLate(TelehealthError):
    """The time in which one could come to this visit is over."""

    code = "visit.too_late"
    public_message = "The time for this visit is over. Please call the clinic."


class MayNotJoin(TelehealthError):
    """Nobody joins the call of a visit in this state."""

    code = "visit.may_not_join"
    public_message = "You cannot join right now. The page shows where your visit stands."


class OpenItemsLeft(TelehealthError):
    """Something blocks closing the visit; what it is, is told with the refusal."""

    code = "visit.open_items"
    public_message = "Something is still open in this visit. Please settle it first."

    def __init__(self, codes: list[str]) -> None:
        super().__init__(items=len(codes))
        self.told: Mapping[str, Any] = {"open_items": codes}


class ConsentMissing(TelehealthError):
    """The visit needs a consent that was not given, or in another version; which, is told."""

    code = "visit.consent_missing"
    public_message = "Please read and accept the consent text first."

    def __init__(self, texts: Sequence[TextVersion]) -> None:
        super().__init__(items=len(texts))
        self.told: Mapping[str, Any] = {
            "needed": [{"text_id": each.text_id, "version": each.version} for each in texts]
        }


class ConsentWithdrawn(ConsentMissing):
    """The patient has taken the consent back: nothing starts until it is given again."""

    code = "visit.consent_withdrawn"
    public_message = "The consent to this visit was taken back. It can be given again."


class NothingToWithdraw(TelehealthError):
    """No consent stands that could be taken back."""

    code = "visit.nothing_to_withdraw"
    public_message = "There is no consent to take back."


class ParticipantUnknown(TelehealthError):
    """Nobody attends this visit under that id."""

    code = "visit.unknown_participant"
    public_message = "This person does not take part in the visit."


class UndoTooLate(TelehealthError):
    """The time for undoing is over."""

    code = "visit.undo_too_late"
    public_message = "It is too late to undo this."


class VisitFull(TelehealthError):
    """As many people attend as one visit may have."""

    code = "visit.full"
    public_message = "Six people can take part in a visit. Take an invitation back first."


class NotAGuest(TelehealthError):
    """A patient or provider is not invited and not sent away as a guest."""

    code = "visit.not_a_guest"
    public_message = "Only an interpreter, family or an observer can be invited."
