"""Refusals of a media node, and why a peer ends.

Here: the root of all errors of this package, the two kinds of misuse, and the dotted reasons a
`peer-closed` event may carry.  Not here: HTTP, text for patients (signaling and the pages own
that), or anything that could hold a name or an address.
"""

from enum import StrEnum
from typing import ClassVar, LiteralString

from media.contract.control import RefusalCode


class CloseReason(StrEnum):
    """Why a peer ended; `peer-closed.reason` on the control channel."""

    CONNECT_TIMEOUT = "media.connect_timeout"
    DTLS_TIMEOUT = "media.dtls_timeout"
    DTLS_FAILED = "media.dtls_failed"
    FINGERPRINT_MISMATCH = "media.fingerprint_mismatch"
    CLOSED_BY_CLIENT = "media.closed_by_client"
    PATH_LOST = "media.path_lost"
    DETACHED = "media.detached"
    SUPERSEDED = "media.superseded"
    ROOM_CLOSED = "media.room_closed"


class MediaError(Exception):
    """Root of this package.  It carries a code, enums and numbers only."""

    code: ClassVar[LiteralString] = "media.internal"
    public_message: ClassVar[LiteralString] = "The call server could not do this."

    def __init__(self) -> None:
        super().__init__(self.code)


class LocalMisuse(MediaError):
    """Our own code broke an obligation."""

    code = "media.local_misuse"


class PeerViolation(MediaError):
    """The other side broke the protocol."""

    code = "media.peer_violation"
    public_message = "The call server did not understand this device."


class SdpFault(StrEnum):
    """What was wrong with an offer; told to operators, never to the client."""

    TOO_LONG = "too_long"
    SYNTAX = "syntax"
    TOO_MANY_SECTIONS = "too_many_sections"
    TOO_MANY_CANDIDATES = "too_many_candidates"
    TOO_MANY_RIDS = "too_many_rids"
    DUPLICATE_MID = "duplicate_mid"
    NO_BUNDLE = "no_bundle"
    SDES = "sdes"
    TRANSPORT = "transport"
    ICE = "ice"
    FINGERPRINT = "fingerprint"
    SETUP = "setup"
    SECTIONS_CHANGED = "sections_changed"
    FIRST_SECTION = "first_section"


class BadSdp(PeerViolation):
    """An offer cannot be read or breaks a rule of the negotiation."""

    code = "media.bad_sdp"

    def __init__(self, fault: SdpFault) -> None:
        super().__init__()
        self.fault = fault


class TooManySlots(PeerViolation):
    """An offer holds more sections than a room may ever have seats."""

    code = "media.too_many_slots"


class FingerprintChanged(PeerViolation):
    """A re-offer names another certificate: that is a new peer, not an old one."""

    code = "media.fingerprint_changed"


class Refused(PeerViolation):
    """A control command meets an expected no."""

    code = "media.refused"

    def __init__(self, refusal: RefusalCode, *, retry_after_ms: int | None = None) -> None:
        super().__init__()
        self.refusal = refusal
        self.retry_after_ms = retry_after_ms


class DtlsTimedOut(PeerViolation):
    """A handshake did not finish inside its limit."""

    code = "media.dtls_timeout"


class DtlsRefused(PeerViolation):
    """A handshake failed: no common suite or profile, or a fatal alert."""

    code = "media.dtls_failed"


class FingerprintMismatch(PeerViolation):
    """The certificate shown is not the one the offer named."""

    code = "media.fingerprint_mismatch"
