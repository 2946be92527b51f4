"""Refusals of chart sync.  Partners' own errors stop at the adapter and never get here."""

from telehealth.platform.errors import TelehealthError


class ChartPayloadUnreadable(TelehealthError):
    """An owed chart entry lacks what a chart resource must have: a fault of ours."""

    code = "chart.payload_unreadable"
    public_message = "This visit cannot be written to the chart as it was recorded."
