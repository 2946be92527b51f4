"""Invariant: a parser accepts, or raises its one documented error, within a millisecond."""

import random
from collections.abc import Callable
from time import perf_counter

import msgspec
import pytest

from media.contract.control import ToMedia
from media.contract.errors import PeerViolation
from media.core.ice_lite import Credentials
from media.core.negotiate import Ours, agree
from media.core.offer_rules import examine
from media.core.stun import NotAStunCheck, read_request, read_success, write_request, write_success
from media.shell.dtls_seam import client_random
from tests.support.media_commands import attach, offer, open_room, publish, wants
from tests.support.mutator import mutated, token_swapped
from tests.support.webrtc_offers import OfferPlan, offer_text

ROUNDS = 4_000
MEDIAN_S = 0.001
SDP_MEDIAN_S = 0.02
"""A whole offer of ten sections, read and answered; it comes by the control channel."""

CHECK = write_request(
    bytes(12), username="ours:theirs", password="p" * 24, priority=1, tie_breaker=2
)
SUCCESS = write_success(bytes(12), ("192.0.2.1", 9), "p" * 24)
SDP = offer_text(
    OfferPlan(ufrag="abcd", password="w" * 24, fingerprint="AA:BB", ssrcs={"0": 1, "1": 5})
)
FRAMES = [
    msgspec.json.encode(each)
    for each in (open_room(), attach("a"), offer("a", SDP), publish("a"), wants("a", "b.mic"))
]
OURS = Ours(
    credentials=Credentials(ufrag="serverAB", password="s" * 24),
    fingerprint="CC",
    candidates=(("192.0.2.9", 3_000),),
    session_id=1,
    cname="room",
    may_publish=frozenset(),
    draw_ssrc=lambda: random.randrange(2**32),
)


def median_s(feed: Callable[[], None], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = perf_counter()
        feed()
        took.append(perf_counter() - began)
    return sorted(took)[rounds // 2]


@pytest.mark.parametrize("sample", [CHECK, SUCCESS], ids=["request", "success"])
def test_stun(sample: bytes, seed: int) -> None:
    source = random.Random(seed)
    accepted = 0

    def feed() -> None:
        nonlocal accepted
        data = mutated(source, sample)
        for read in (read_request, read_success):
            try:
                found = read(data)
            except NotAStunCheck:
                continue
            accepted += found.is_authentic("p" * 24)

    assert median_s(feed, ROUNDS) < MEDIAN_S
    # A change behind the sender's back, authentic all the same, can only be no change at all.
    assert accepted <= ROUNDS // 20


def test_stun_of_noise(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(ROUNDS):
        with pytest.raises(NotAStunCheck):
            read_request(source.randbytes(source.randrange(200)))


def test_the_random_of_a_hello(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(ROUNDS):
        found = client_random(source.randbytes(source.randrange(200)))
        assert found is None or len(found) == 32


def test_sdp(seed: int) -> None:
    source = random.Random(seed)

    def feed() -> None:
        text = token_swapped(source, SDP)
        if source.randrange(4) == 0:
            text = mutated(source, text.encode()).decode(errors="replace")
        try:
            agreement = agree(examine(text), None, OURS)
        except PeerViolation:
            return
        assert agreement.answer.startswith("v=0\r\n")

    assert median_s(feed, 800) < SDP_MEDIAN_S


def test_control_frames(seed: int) -> None:
    source = random.Random(seed)
    decoder = msgspec.json.Decoder(ToMedia)

    def feed() -> None:
        data = mutated(source, source.choice(FRAMES))
        try:
            decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return

    assert median_s(feed, ROUNDS) < MEDIAN_S
