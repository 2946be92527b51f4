"""Second factors of staff: what they have beside a password.

An authenticator app shows six figures that change every thirty seconds; the same figures never
open anything twice (`codes.py`).  A passkey is a key in a device or a key ring that the person
unlocks; it is a whole sign-in by itself, and no guess can be made at it (`passkeys.py`).  Ten
recovery codes on paper are for the day when both are lost; each works once (`codes.py`).

A wrong code counts like a wrong password.  Adding or removing a factor asks for a fresh proof,
and removing one asks for a proof by another: see `step_up.py`.  Each change is recorded for the
account.
"""
