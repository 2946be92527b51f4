"""Simulators of outside systems, for the demo and for tests.

Each says on every page and in every reply that it is a simulator.  They import nothing of the
product and are imported by nothing, so that they stand where a stranger's system would stand.
The people in `people.json` are invented; telephone numbers are of the range kept for fiction.
"""
