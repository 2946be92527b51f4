"""The note of a visit: written by its provider, kept version by version, signed once.

Every save adds a version; none is ever changed or removed.  Who saves over a version they have not
seen is refused and told the current one.  A note is signed by the provider of the visit alone,
never blank, and after that it takes no further version (`notes.py`).  Until it is signed the visit
cannot be closed.  Reading a note is audited like writing one.
"""
