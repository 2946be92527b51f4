"""Ids on the wire: text, opaque to whoever reads them."""

from typing import NewType

RoomId = NewType("RoomId", str)
"""Equals the visit id."""
ParticipantId = NewType("ParticipantId", str)
"""One person's seat in a room, across sockets."""
PublicationId = NewType("PublicationId", str)
"""`<participant_id>.<source>`: a repeated publish names the same one."""
