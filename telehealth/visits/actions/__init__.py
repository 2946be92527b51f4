"""What may be done with a visit, one file for each group of verbs.

Each verb reads like a protocol sheet: authorise, lock, check rules, change, audit, ledger.

Booking a visit and giving its patient a link is `booking.py`.  Seeing where visits stand, and what
a link shows before anybody is known, is `sight.py`.  The patient's coming is `arrival.py`, their
consent, given and taken back, `consenting.py`.  The call and what follows, to Done, is
`conduct.py`.  Cancelling and No-show are `calling_off.py`.  What every step has in common is
`steps.py`.
"""
