"""Cost of one forwarded packet, measured in this process; no claim against other servers."""
