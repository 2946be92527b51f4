"""The transforms give what the library's own wrapper gives, and refuse what it refuses."""

import gc
import random
import struct

import pylibsrtp
import pytest

from media.core.engine_face import SrtpProfile
from media.shell.srtp import BUFFER_BYTES, REPLAY_WINDOW, TAG_BYTES_MAX, SrtpSession

SEED = 20_261_125
PROFILES = {
    SrtpProfile.AES128_CM_SHA1_80: (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    SrtpProfile.AEAD_AES_128_GCM: (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    SrtpProfile.AEAD_AES_256_GCM: (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
LARGEST = BUFFER_BYTES - TAG_BYTES_MAX


def rtp(number: int, body: bytes) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, number, 0xCAFE) + body


def rtcp(body: bytes) -> bytes:
    words = len(body) // 4
    return struct.pack("!BBHI", 0x80, 201, 1 + words, 0xCAFE) + body[: 4 * words]


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def profile(request: pytest.FixtureRequest) -> SrtpProfile:
    agreed: SrtpProfile = request.param
    return agreed


def key(profile: SrtpProfile) -> bytes:
    return random.Random(SEED).randbytes(PROFILES[profile][1])


def both_ends(profile: SrtpProfile) -> tuple[SrtpSession, SrtpSession]:
    return (
        SrtpSession(key(profile), profile, is_outbound=True),
        SrtpSession(key(profile), profile, is_outbound=False),
    )


def wrapped(profile: SrtpProfile, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(
        key=key(profile), ssrc_type=direction, srtp_profile=PROFILES[profile][0]
    )
    policy.window_size = REPLAY_WINDOW
    return pylibsrtp.Session(policy=policy)


def test_every_byte_is_the_wrappers_own(profile: SrtpProfile) -> None:
    ours, back = both_ends(profile)
    theirs = wrapped(profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    draw = random.Random(SEED)

    for number, size in enumerate([0, 1, LARGEST - 12, *draw.sample(range(LARGEST - 12), 50)]):
        packet = rtp(number, draw.randbytes(size))
        protected = ours.protect(packet)
        assert protected == theirs.protect(packet)
        assert back.unprotect(protected) == packet
        report = rtcp(draw.randbytes(size // 2))
        protected = ours.protect_rtcp(report)
        assert protected == theirs.protect_rtcp(report)
        assert back.unprotect_rtcp(protected) == report


def test_what_is_forged_replayed_or_no_packet_is_refused(profile: SrtpProfile) -> None:
    ours, back = both_ends(profile)
    protected = ours.protect(rtp(1, b"body"))
    bent = protected[:-1] + bytes([protected[-1] ^ 1])

    with pytest.raises(pylibsrtp.Error):
        back.unprotect(bent)
    back.unprotect(protected)
    for refused in (protected, b"", bytes(12), ours.protect(rtp(2, b""))[:20]):
        with pytest.raises(pylibsrtp.Error):
            back.unprotect(refused)
    with pytest.raises(pylibsrtp.Error):
        back.unprotect_rtcp(bytes(8))


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("protect", LARGEST),
        ("protect_rtcp", LARGEST - 4),
        ("unprotect", BUFFER_BYTES),
        ("unprotect_rtcp", BUFFER_BYTES),
    ],
)
def test_nothing_is_written_past_the_buffer(name: str, most: int) -> None:
    session = SrtpSession(bytes(28), SrtpProfile.AEAD_AES_128_GCM, is_outbound=True)

    with pytest.raises(ValueError, match="too long"):
        getattr(session, name)(bytes(most + 1))


def test_text_is_no_packet() -> None:
    session = SrtpSession(bytes(28), SrtpProfile.AEAD_AES_128_GCM, is_outbound=True)

    with pytest.raises(TypeError):
        session.protect("a text")  # type: ignore[arg-type]


def test_a_transform_keeps_its_context_alive(profile: SrtpProfile) -> None:
    protect = SrtpSession(key(profile), profile, is_outbound=True).protect
    gc.collect()
    made = [SrtpSession(bytes(28), SrtpProfile.AEAD_AES_128_GCM, is_outbound=True)]
    theirs = wrapped(profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    for number in range(20):
        packet = rtp(number, b"spoken")
        made[0].protect(packet)
        assert protect(packet) == theirs.protect(packet)


def test_sessions_share_a_buffer_and_no_state(profile: SrtpProfile) -> None:
    first, first_back = both_ends(profile)
    other = SrtpSession(bytes(28), SrtpProfile.AEAD_AES_128_GCM, is_outbound=True)
    sent = []
    for number in range(20):
        sent.append((rtp(number, b"a" * number), first.protect(rtp(number, b"a" * number))))
        other.protect(rtp(number, b"b" * 1_000))

    assert all(first_back.unprotect(protected) == plain for plain, protected in sent)
