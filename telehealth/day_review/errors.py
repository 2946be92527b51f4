"""Refusals of the daily review."""

from telehealth.platform.errors import TelehealthError


class ReportUnknown(TelehealthError):
    """There is no such report in this clinic."""

    code = "day_review.unknown"
    public_message = "There is no such report."
