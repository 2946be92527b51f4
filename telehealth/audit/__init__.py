"""Who looked at or changed what, on whose behalf, and when.

Every act in the product, and every look at a patient's data, leaves one entry here.  The entry is
written together with the act: if the entry cannot be written, the act does not happen.

Entries are never changed and never removed; the database itself refuses it.  Each clinic has one
chain of entries: every entry carries a seal made from its own content and the seal of the entry
before it, so that a change, a removal, an exchange or an insertion anywhere shows at that very
entry (`chain.py`).  What a chain alone cannot show is that its newest entries were cut off; for
that, copies of its head must be kept elsewhere.

An entry holds ids, kinds and numbers, never a name or a word somebody wrote: which person, in
which role, did what to which visit (`events.py` lists all that can be done).
"""
