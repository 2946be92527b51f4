"""A DTLS client of our own over pyOpenSSL, so that tests choose suites, profiles, certificate."""

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from media.shell.dtls_seam import split_at_records

BORN_AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
GCM_128, GCM_256, CM_SHA1_80 = (
    b"SRTP_AEAD_AES_128_GCM",
    b"SRTP_AEAD_AES_256_GCM",
    b"SRTP_AES128_CM_SHA1_80",
)
KEY_AND_SALT_BYTES = {GCM_128: (16, 12), GCM_256: (32, 12), CM_SHA1_80: (16, 14)}


@dataclass(frozen=True)
class ClientKeys:
    """Exported keys, each followed by its salt."""

    profile: bytes
    tx: bytes = field(repr=False)
    rx: bytes = field(repr=False)


class ClientCertificate:
    """A self-signed P-256 certificate."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "headless")])
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BORN_AT)
            .not_valid_after(BORN_AT + dt.timedelta(days=36_500))
            .sign(self.key, hashes.SHA256())
        )

    def fingerprint(self, algorithm: hashes.HashAlgorithm | None = None) -> str:
        """Digest as `a=fingerprint` has it."""
        digest = self.certificate.fingerprint(algorithm or hashes.SHA256()).hex().upper()
        return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


class DtlsClient:
    """One active association; `feed` what arrives, await `establish`."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        certificate: ClientCertificate,
        *,
        ciphers: bytes | None = None,
        profiles: tuple[bytes, ...] = (GCM_128, GCM_256, CM_SHA1_80),
        newest_version: int | None = None,
    ) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        if newest_version is not None:
            context.set_max_proto_version(newest_version)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.use_certificate(certificate.certificate)
        context.use_privatekey(certificate.key)
        if ciphers is not None:
            context.set_cipher_list(ciphers)
        if profiles:
            context.set_tlsext_use_srtp(b":".join(profiles))
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()
        self.connection.set_ciphertext_mtu(1_200)
        self._send = send
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.keys: ClientKeys | None = None
        self.is_closed_by_server = False

    def feed(self, data: bytes) -> None:
        """Take a datagram from the server; after the handshake only close_notify matters."""
        if self.keys is None:
            self._arrived.put_nowait(data)
            return
        self.connection.bio_write(data)
        try:
            self.connection.recv(1_500)
        except SSL.ZeroReturnError:
            self.is_closed_by_server = True
        except SSL.Error:
            pass

    def hello(self) -> bytes:
        """Return a whole ClientHello without sending it."""
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            return bytes(self.connection.bio_read(16_384))
        raise AssertionError("a handshake needs an answer")

    async def establish(self) -> ClientKeys:
        """Shake hands; raises `SSL.Error` when refused."""
        while True:
            try:
                self.connection.do_handshake()
            except SSL.WantReadError:
                self.flush()
                await self._wait()
            else:
                self.flush()
                break
        self.keys = self._export()
        return self.keys

    def close(self) -> None:
        """Say close_notify."""
        self.connection.shutdown()
        self.flush()

    def flush(self) -> None:
        """Send what OpenSSL wrote."""
        flight = b""
        while True:
            try:
                flight += self.connection.bio_read(16_384)
            except SSL.Error:
                break
        for datagram in split_at_records(flight):
            self._send(datagram)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.connection.DTLSv1_get_timeout()):
                self.connection.bio_write(await self._arrived.get())
        except TimeoutError:
            self.connection.DTLSv1_handle_timeout()
            self.flush()

    def _export(self) -> ClientKeys:
        profile = bytes(self.connection.get_selected_srtp_profile())
        key, salt = KEY_AND_SALT_BYTES[profile]
        material = self.connection.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (key + salt), None
        )
        salts = material[2 * key :]
        return ClientKeys(
            profile=profile,
            tx=material[:key] + salts[:salt],
            rx=material[key : 2 * key] + salts[salt:],
        )
