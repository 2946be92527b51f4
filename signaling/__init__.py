"""The signaling server: it seats people in rooms and brokers their media sessions.

It promises a browser: a seat within a second of a valid ticket; the same seat after a short
absence; room events in order, none twice; and that one slow or hostile peer harms nobody else.
It never opens the database and never sees a name.
"""
