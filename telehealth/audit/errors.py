"""Refusals of the audit trail."""

from telehealth.platform.errors import TelehealthError


class EntryRefused(TelehealthError):
    """An entry that cannot be written as it is; the act that owed it fails."""

    code = "audit.entry_refused"
    public_message = "Something went wrong on our side. Please try again."


class SearchRefused(TelehealthError):
    """A search by something that is no id, no day or no kind of entry."""

    code = "audit.search_refused"
    public_message = "This search could not be read."


class ExportNotConfigured(TelehealthError):
    """The installation has no name to put into business identifiers."""

    code = "audit.not_configured"
    public_message = "The export is not set up here. Ask whoever runs this installation."
