"""Opening the record of somebody else's patient in an emergency.

A provider sees the visits they conduct themselves.  When a patient of a colleague is in danger they
may break the glass: say why in a sentence, with a sign-in that is fresh, and read that one
patient's record for an hour (`rules.py`).  They read it and nothing more: nothing can be written,
signed, granted or exported through it, because it opens no other door than its own.  The clinic's
auditors are told at once through the delivery ledger, even while e-mail is down; opening, each
reading and the end stand in the audit trail (`actions.py`).  It ends by hand, with the sign-in it
was opened under, or by itself.
"""
