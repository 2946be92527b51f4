"""Refusals of emergency access."""

from typing import ClassVar

from telehealth.platform.errors import TelehealthError


class ReasonTooShort(TelehealthError):
    """The reason says nothing."""

    code = "break_glass.reason_too_short"
    public_message = "Please say in a sentence why you need this record."
    told_fields: ClassVar[frozenset[str]] = frozenset({"least"})


class AnotherOpen(TelehealthError):
    """One record at a time: another one is open."""

    code = "break_glass.another_open"
    public_message = "Another record is open. Close it first."
    told_fields: ClassVar[frozenset[str]] = frozenset({"access_id"})


class AccessUnknown(TelehealthError):
    """There is no such access, or it is somebody else's."""

    code = "break_glass.unknown"
    public_message = "This record is not open to you."


class AccessEnded(TelehealthError):
    """The hour is over, or the record was closed by hand."""

    code = "break_glass.ended"
    public_message = "The emergency access to this record has ended."
