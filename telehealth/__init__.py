"""The visit service: people, appointments, visits, notes, and what is owed to partners.

Folders are cut by what a clinic does.  Capabilities stand in the order of care: a later one may
call an earlier one's `actions`, never the reverse; what flows backward goes through the delivery
ledger as an event.
"""
