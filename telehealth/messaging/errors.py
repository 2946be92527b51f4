"""Refusals about notices."""

from telehealth.platform.errors import TelehealthError


class NoticeUnreadable(TelehealthError):
    """What the ledger holds is no notice we know how to write."""

    code = "notice.unreadable"
    public_message = "Something went wrong on our side. Please try again."
