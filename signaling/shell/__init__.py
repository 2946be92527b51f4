"""The only asyncio of the signaling server: sockets, Redis, the control channel, HTTP."""
