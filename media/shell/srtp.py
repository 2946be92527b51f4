"""SRTP by libsrtp; the only importer of pylibsrtp.

The library's own Python wrapper spends more time around a packet than the cipher does: it makes a
length object, checks types and looks names up for each.  So the contexts are made by it, and the
four transforms here call the functions beneath, over one buffer and one length for all of them.
That names parts of the library that are not its promise; its version is pinned, and tests compare
every byte with the wrapper's.

One thread only: a transform is done with the shared buffer before it returns.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pylibsrtp import ERRORS, Error, Policy, Session
from pylibsrtp._binding import ffi, lib

from media.core.engine_face import SrtpProfile

REPLAY_WINDOW: Final = 1_024
BUFFER_BYTES: Final = 1_500
TAG_BYTES_MAX: Final = 144
"""What libsrtp may append to an RTP packet (its `SRTP_MAX_TRAILER_LEN`)."""
INDEX_BYTES: Final = 4
"""What it appends to RTCP besides (RFC 3711 section 3.4)."""
REFUSALS: Final = (Error, ValueError, TypeError)
"""What a transform may raise for one packet."""

Transform: TypeAlias = Callable[[bytes], bytes]

_PROFILES: Final = {
    SrtpProfile.AES128_CM_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
_DATA: Final[Any] = ffi.new("char[]", BUFFER_BYTES)
_VIEW: Final[Any] = ffi.buffer(_DATA)
_LENGTH: Final[Any] = ffi.new("int *")


class SrtpSession:
    """One direction of one peer: its RTP and its RTCP.

    Args:
        key: Master key followed by master salt.
        profile: What the handshake agreed.
        is_outbound: It protects; else it unprotects, refusing what was seen before.
    """

    __slots__ = ("protect", "protect_rtcp", "unprotect", "unprotect_rtcp")

    def __init__(self, key: bytes, profile: SrtpProfile, *, is_outbound: bool) -> None:
        policy = Policy(
            key=key,
            ssrc_type=Policy.SSRC_ANY_OUTBOUND if is_outbound else Policy.SSRC_ANY_INBOUND,
            srtp_profile=_PROFILES[profile],
        )
        policy.window_size = REPLAY_WINDOW
        policy.allow_repeat_tx = is_outbound  # a NACK without RTX is answered by the same packet
        session = Session(policy=policy)
        rtp_max = BUFFER_BYTES - TAG_BYTES_MAX
        self.protect = _transform(session, lib.srtp_protect, rtp_max)
        self.protect_rtcp = _transform(session, lib.srtp_protect_rtcp, rtp_max - INDEX_BYTES)
        self.unprotect = _transform(session, lib.srtp_unprotect, BUFFER_BYTES)
        self.unprotect_rtcp = _transform(session, lib.srtp_unprotect_rtcp, BUFFER_BYTES)


def _transform(session: Session, call: Callable[..., int], bytes_max: int) -> Transform:
    """Bind one of libsrtp's functions to a session; it lives as long as the transform does.

    Raises, for each packet:
        Error: libsrtp refused it: not authentic, a replay, no RTP.
        ValueError: It is longer than the buffer, or than leaves room for the tag.
        TypeError: It is no byte string.
    """
    owner = session._srtp  # noqa: SLF001  (the handle that the functions take)
    handle, data, view, length = owner[0], _DATA, _VIEW, _LENGTH

    def transform(packet: bytes, _owner: object = owner) -> bytes:
        size = len(packet)
        if size > bytes_max:
            raise ValueError("packet is too long")
        length[0] = size
        view[0:size] = packet
        if code := call(handle, data, length):
            raise Error(ERRORS[code])
        transformed: bytes = view[0 : length[0]]
        return transformed

    return transform
