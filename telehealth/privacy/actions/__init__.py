"""What may be done about a patient's data as data, one file for each group of verbs.

Removing what is no longer kept is `sweep.py`, keeping it all the same `holds.py`.  A copy of one's
own record is `exports.py`, a correction of it `correcting.py`; what the patient's page shows of
all this is `overview.py`.
"""
