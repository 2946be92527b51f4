"""Retransmissions as a fake peer sends them."""

import struct

from media.core.packets import payload_offset
from tests.support.engine_lab import RTX, FakePeer


def rtx_packet(peer: FakePeer, sequence: int, original: bytes) -> bytes:
    """Write an original packet again as its sender's retransmission (RFC 4588)."""
    at = payload_offset(original)
    return (
        bytes([original[0], RTX])
        + struct.pack("!HI", sequence, int.from_bytes(original[4:8], "big"))
        + peer.rtx_ssrc.to_bytes(4, "big")
        + original[12:at]
        + original[2:4]
        + original[at:]
    )
