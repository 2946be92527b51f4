"""The daily review of the audit trail.

Once a calendar day, for each clinic and in its own time zone, the worker reads what the audit trail
holds of the day before and writes a report: how much of everything happened, every emergency access
with how it ended, what was refused, which accounts were locked, whose role, factors or password
changed, what was taken out of the product (`rules.py`).  It holds ids and counts, no name and no
word anybody wrote.  The reports stand one on the other: each begins with the entry behind the last
one of the report before, so that every entry stands in exactly one.

A report that is made later than the day after is marked late.  A day that was missed is made up
for.  The clinic's auditors are told through the delivery ledger that there is a report to read; an
auditor marks it as looked at, with a name and an instant (`actions.py`).

Source: 45 CFR 164.308(a)(1)(ii)(D), information system activity review; 21 CFR 1311.150(c), the
audit trail is analysed at least once every calendar day.
"""
