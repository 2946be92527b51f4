"""The one door to aiortc: the node's certificate and one DTLS association.

`DtlsAssociation` subclasses `RTCDtlsTransport`, sits on a transport object of ours that yields
DTLS records only, and overrides three of its steps: keys are exported to `SrtpKeys` instead of
into sessions of its own, outgoing flights are split at record borders, and the whole handshake
has a limit.  No receiver, sender or decoder of aiortc is ever made, so none of its threads is.

Every private name used here is pinned by `tests/integration/test_dtls_seam.py`, and the versions
of aiortc and pylibsrtp are pinned exactly.

Source:
    RFC 5764 (DTLS-SRTP), RFC 8827 section 6.5 (fingerprints), RFC 7983 (demultiplexing).
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL

from media.contract.errors import DtlsRefused, DtlsTimedOut, FingerprintMismatch, MediaError
from media.core.engine_face import SrtpKeys, SrtpProfile
from media.core.ice_lite import Credentials

HANDSHAKE_LIMIT_S: Final = 15.0
QUEUE_RECORDS: Final = 32
DATAGRAM_BYTES_MAX: Final = 1_200

_CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305"
)
_DTLS_1_2: Final = 0xFEFD
_PROFILES: Final = (
    (SRTP_AEAD_AES_128_GCM, SrtpProfile.AEAD_AES_128_GCM),
    (SRTP_AEAD_AES_256_GCM, SrtpProfile.AEAD_AES_256_GCM),
    (SRTP_AES128_CM_SHA1_80, SrtpProfile.AES128_CM_SHA1_80),
)
_ICE_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_RECORD_HEADER_BYTES: Final = 13
_HANDSHAKE_RECORD: Final = 22
_CLIENT_HELLO: Final = 1
_RANDOM_AT: Final = _RECORD_HEADER_BYTES + 12 + 2
_RANDOM_BYTES: Final = 32


class NodeCertificate(RTCCertificate):
    """The certificate of one node's boot: P-256, in memory only, AEAD suites only."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(_CIPHERS)
        context.set_min_proto_version(_DTLS_1_2)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        return context

    @property
    def fingerprint_sha256(self) -> str:
        """Colon-separated upper-case digest, as `a=fingerprint` has it."""
        found = {each.algorithm: each.value for each in self.getFingerprints()}
        return found["sha-256"]

    @property
    def expires_at(self) -> datetime:
        """Last instant of its validity, aware UTC."""
        return self.expires


def make_certificate() -> NodeCertificate:
    """Draw the key of this boot and sign its certificate."""
    return NodeCertificate.generateCertificate()


def draw_credentials() -> Credentials:
    """Draw ICE credentials: 8 characters of name, 24 of password (RFC 8839 section 5.4)."""
    return Credentials(ufrag=_ice_characters(8), password=_ice_characters(24))


def draw_ssrc() -> int:
    """Draw an SSRC; zero is left out because REMB uses it for "no source"."""
    return 1 + secrets.randbelow(2**32 - 1)


def draw_session_id() -> int:
    """Draw the session id of an answer's origin line: 62 bits (RFC 8829 section 5.2.1)."""
    return secrets.randbits(62)


def draw_name() -> str:
    """Draw an unguessable name, used for cnames and boot ids."""
    return secrets.token_hex(8)


def client_random(data: bytes) -> bytes | None:
    """Return the random of a ClientHello that starts in this datagram, or None.

    A second random on one tuple means that somebody else's hello came first; the association is
    then begun anew.  Only whole, unfragmented beginnings count.
    """
    if len(data) < _RANDOM_AT + _RANDOM_BYTES or data[0] != _HANDSHAKE_RECORD:
        return None
    is_first_epoch = data[3:5] == b"\x00\x00"
    fragment_offset = data[_RECORD_HEADER_BYTES + 6 : _RECORD_HEADER_BYTES + 9]
    if data[_RECORD_HEADER_BYTES] != _CLIENT_HELLO or not is_first_epoch or any(fragment_offset):
        return None
    return data[_RANDOM_AT : _RANDOM_AT + _RANDOM_BYTES]


def split_at_records(flight: bytes) -> list[bytes]:
    """Cut a flight into datagrams of whole records, each at most 1,200 bytes if records allow."""
    datagrams: list[bytes] = []
    current = b""
    while flight:
        length = _RECORD_HEADER_BYTES + int.from_bytes(flight[11:13], "big")
        record, flight = flight[:length], flight[length:]
        if current and len(current) + len(record) > DATAGRAM_BYTES_MAX:
            datagrams.append(current)
            current = b""
        current += record
    return [*datagrams, current] if current else datagrams


class DtlsPath:
    """What the association takes for its ICE transport: a bounded queue in, the mux out."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_datagram = send
        self._records: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_RECORDS)

    def feed(self, data: bytes) -> bool:
        """Queue one DTLS datagram; False when the queue is full and it was dropped."""
        if self._records.full():
            return False
        self._records.put_nowait(data)
        return True

    async def _recv(self) -> bytes:
        return await self._records.get()

    async def _send(self, data: bytes) -> None:
        self._send_datagram(data)

    async def stop(self) -> None:
        """Nothing is held."""


class DtlsAssociation(RTCDtlsTransport):
    """One passive handshake, its keys, and the wait for close_notify.

    Use: `feed` datagrams, await `establish` once, then `closed` resolves when the client closes.
    """

    def __init__(self, certificate: NodeCertificate, send: Callable[[bytes], None]) -> None:
        self._path = DtlsPath(send)
        super().__init__(self._path, [certificate])  # type: ignore[arg-type]  # ours, by duck
        self._set_role("server")
        self._srtp_profiles = [profile for profile, _ in _PROFILES]
        self._keys: SrtpKeys | None = None
        self._mismatch = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed(self, data: bytes) -> bool:
        """Take a datagram of 13 bytes or more whose first byte is 20 to 63."""
        return self._path.feed(data)

    async def establish(self, fingerprints: tuple[tuple[str, str], ...]) -> SrtpKeys:
        """Shake hands and check the client's certificate; keys exist only afterwards.

        Args:
            fingerprints: (hash name, digest) of the offer; every supported one must match.

        Raises:
            DtlsTimedOut: Not done within `HANDSHAKE_LIMIT_S`.
            FingerprintMismatch: Another certificate than the offer named.
            DtlsRefused: No common suite or profile, or a fatal alert.

        Cancel safety: a cancelled call leaves the association failed; throw it away.
        """
        parameters = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(algorithm=a, value=v) for a, v in fingerprints]
        )
        try:
            async with asyncio.timeout(HANDSHAKE_LIMIT_S):
                await self.start(parameters)
        except TimeoutError:
            raise DtlsTimedOut from None
        finally:
            if self._keys is None:
                self._set_state(State.FAILED)
        if self._keys is None:
            raise self._failure()
        return self._keys

    async def end(self) -> None:
        """Say close_notify and stop listening."""
        await self.stop()

    def _failure(self) -> MediaError:
        return FingerprintMismatch() if self._mismatch else DtlsRefused()

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:  # noqa: N803  (aiortc's name)
        super()._validate_peer_identity(remoteParameters)
        self._mismatch = self._state == State.FAILED

    def _setup_srtp(self) -> None:
        """Export the keys to the engine's form; the base's own sessions are never made.

        As server we send with the second key and salt (RFC 5764 section 4.2).
        """
        assert self._ssl is not None  # noqa: S101  (start() has made it)
        chosen = self._ssl.get_selected_srtp_profile()
        for profile, number in _PROFILES:
            if profile.openssl_profile == chosen:
                length = 2 * (profile.key_length + profile.salt_length)
                material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
                self._keys = SrtpKeys(
                    profile=number,
                    rx_key=profile.get_key_and_salt(material, 0),
                    tx_key=profile.get_key_and_salt(material, 1),
                )
                return
        self._set_state(State.FAILED)

    async def _write_ssl(self) -> None:
        """Drain what OpenSSL wrote and send it in datagrams that fit any path."""
        assert self._ssl is not None  # noqa: S101  (start() has made it)
        flight = b""
        while True:
            try:
                flight += self._ssl.bio_read(16_384)
            except SSL.Error:
                break
        for datagram in split_at_records(flight):
            await self._path._send(datagram)  # noqa: SLF001  (the transport is ours)

    def _set_state(self, state: State) -> None:
        super()._set_state(state)
        if state == State.CLOSED and not self.closed.done():
            self.closed.set_result(None)


def _ice_characters(count: int) -> str:
    return "".join(secrets.choice(_ICE_ALPHABET) for _ in range(count))
