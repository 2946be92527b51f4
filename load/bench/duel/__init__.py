"""The media duel: our media node, Janus VideoRoom and a bare forwarding loop, on one machine.

One namespace holds the server, pinned to one core; another holds the participants, pinned to the
other: `hosts.py`.  `connection.py` makes real connections (ICE, DTLS); `ours.py`, `janus.py` and
`floor.py` are the three servers and how participants join them; `generator.c` is the load.
`driver.py` makes one run and prints its figures; `__main__.py` plays all runs, interleaved, and
writes the report with `report.py`.
"""
