"""What really happens between a patient and a provider: who may attend, what starts and ends it.

A visit is booked with its appointment and lives through a fixed set of states; which step leads
from where to where is one table (`lifecycle.py`), and nothing moves a visit but that table.  Who
may join, from when to when, and with what answer to a patient who is early or late, is
`may_join.py`.  Which consent text a visit needs, in which language, is `consent.py`.

Leaving is not finishing: only the provider's *Finish visit* leads to Wrap-up and only closing it
leads to Done, and a visit with something left open (an unsigned note) does not close.  A visit
is In call when both the patient's and the provider's media are connected.

Signaling asks here before it lets anybody in, and tells here who came, went and connected
(`internal.py`).  A right to enter a room is a ticket that lives one minute and works once
(`tickets.py`).
"""
