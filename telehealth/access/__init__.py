"""Who may do what.

Six roles exist, each with the acts it may perform, each act with a plain sentence
(`roles.py`).  Every act in the product is done by somebody: a person in a role, or a job with a
name (`actor.py`).  A request that nobody stands behind is refused before anything is read
(`http.py`).  Whose records a role may see is decided where the records are kept.
"""
