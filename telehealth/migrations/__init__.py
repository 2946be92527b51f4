"""The database's history: one revision a change, named in clinical words, for both databases.

Revisions expand first and contract later, so that the release before still runs on the new form.
"""
