"""Where checked-in patients wait, and the order in which a provider calls them.

At check-in a patient says where they are, on which number they can be called back, and accepts
the consent text (`check_in.py`); after the device check, passed or not, they wait.  The order is
the order of arrival; somebody who is away keeps the place, and the next is the first who is
present (`queue.py`).  Of two providers who call the same patient one wins, the other is told who.

A list that refreshes by itself is audited when the patients on it change, and otherwise every
five minutes (`polls.py`).
"""
