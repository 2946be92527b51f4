"""Machines that decide.  No await, no clock, no randomness, no logging: all of it is passed in."""
