"""Machines and codecs.  No asyncio, clock, socket, randomness or logging: time is an argument."""
