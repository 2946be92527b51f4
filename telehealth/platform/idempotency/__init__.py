"""A request that is repeated because its answer was lost takes effect once.

A page names each act by a key of its own.  The first request under a key runs; a repeat is given
the same answer, told that the act is still running, or told that it was done and its answer lost
(`once.py`).  Whether the act was done is never guessed: the act's own transaction says so.  The
answer is kept for a day, sealed under the key itself, which is not stored (`answers.py`).
"""
