"""What a patient may ask of us about their own data, and how long we keep what we hold.

How long each kind of data is kept, counted from when and by whose law, is one table
(`retention.py`); a job of every day removes what is due and says in the audit trail how much of
what went.  A legal hold on a patient stops that for everything of theirs.

A patient may fetch the whole of their own record, as a FHIR bundle and as a page to read
(`bundle.py`): the link for it works once, for a day, and asks for the birth date.  A patient may
also say what is wrong in the record; somebody at the clinic accepts it, or denies it with one of
the reasons the law knows, and both stay on record (`corrections.py`).

Which consents stand, and taking one back, is ruled in `visits`; here the patient sees them all in
one place, with who has looked at their data (`actions/overview.py`).
"""
