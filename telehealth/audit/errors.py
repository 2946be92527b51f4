"""Refusals of the audit trail."""

from telehealth.platform.errors import TelehealthError


class EntryRefused(TelehealthError):
    """An entry that cannot be written as it is; the act that owed it fails."""

    code = "audit.entry_refused"
    public_message = "Something went wrong on our side. Please try again."
