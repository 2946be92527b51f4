"""What every capability stands on: database, ids, clock, keys, errors, HTTP edges.

No clinical word may appear in this folder.
"""
