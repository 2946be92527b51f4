"""Refusals about copies, corrections and holds."""

from typing import ClassVar

from telehealth.platform.errors import TelehealthError


class ExportLinkRefused(TelehealthError):
    """The link is not ours, was used, or its day is over; which of them is not told."""

    code = "privacy.export_link_refused"
    public_message = "This link does not work any more. Ask for a new one."


class BirthDateRefused(TelehealthError):
    """The birth date does not match; how many tries are left, is told."""

    code = "privacy.birth_date_refused"
    public_message = "This birth date does not match."
    told_fields: ClassVar[frozenset[str]] = frozenset({"tries_left"})


class CorrectionUnknown(TelehealthError):
    """There is no such request for the actor."""

    code = "privacy.unknown_correction"
    public_message = "This request could not be found."


class CorrectionAnswered(TelehealthError):
    """The request was answered before, and that answer stands."""

    code = "privacy.correction_answered"
    public_message = "This request was already answered."


class ReasonMissing(TelehealthError):
    """A denial needs a ground, an acceptance none, and both a sentence for the patient."""

    code = "privacy.reason_missing"
    public_message = "Please choose a reason and write an answer."


class TooManyCorrections(TelehealthError):
    """A patient has as many open requests as one may have."""

    code = "privacy.too_many_corrections"
    public_message = "Your earlier requests are still being answered. Please call the clinic."


class AlreadyHeld(TelehealthError):
    """A hold on this patient's record stands already."""

    code = "privacy.already_held"
    public_message = "This record is already on hold."


class NotHeld(TelehealthError):
    """No hold stands on this patient's record."""

    code = "privacy.not_held"
    public_message = "This record is not on hold."
