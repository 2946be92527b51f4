"""How what the clinic owes to the outside reaches it, once, and never silently fails to.

Whatever a visit owes somebody outside this service (the chart of the patient, the room of the
call) is written down in the same transaction as the fact that owes it (`actions.py`).  Which fact
owes what, to whom and in which order, is one table (`lanes.py`).

A worker takes what is owed, writes down that it is about to call, calls, and writes down what came
back (`runner.py`).  When the answer is lost, nobody sends again blindly: the partner is first
asked whether it has it (`lifecycle.py`).  What a program cannot settle is parked, and a person
sees it with the reason in plain words, and can have it checked again (`http.py`).

Every try stays on record; none is ever changed or deleted (`tables.py`).
"""
