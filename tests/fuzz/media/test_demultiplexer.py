"""Invariant: each datagram is forwarded to one handler or counted by one guard; none raises.

Exhaustive: every first byte, 64 lengths from 0 to 2,000, three phases of a peer, from a stranger
and from its validated address.
"""

import random
from itertools import product
from time import perf_counter

import pytest

from media.core.engine_face import Addr
from media.core.ice_lite import Verdict
from media.core.stun import BindingRequest
from media.shell.udp_mux import UdpMux
from tests.support.fake_engine import FakeEngine

HOME: Addr = ("192.0.2.1", 1_000)
STRANGER: Addr = ("198.51.100.9", 9)
LENGTHS = sorted(
    {0, 1, 2, 3, 4, 11, 12, 13, 14, 19, 20, 21, 1_499, 1_500, 1_501, 2_000}
    | {28 + 41 * step for step in range(48)}
)
PHASES = ("nobody", "named", "validated")


class Taking:
    """A peer that takes everything."""

    def __init__(self) -> None:
        self.taken = 0

    def on_check(self, check: BindingRequest, addr: Addr, *, now: float) -> Verdict:
        """Count a check."""
        del check, addr, now
        self.taken += 1
        return Verdict.ACCEPTED

    def on_dtls(self, data: bytes, addr: Addr, *, now: float) -> bool:
        """Count a DTLS datagram."""
        del data, addr, now
        self.taken += 1
        return True

    def holds_its_addresses(self, *, now: float) -> bool:
        """Hold nothing."""
        del now
        return False

    def forget(self, addr: Addr, *, now: float) -> None:
        """Nothing is kept."""


def a_mux(phase: str) -> tuple[UdpMux, FakeEngine, Taking]:
    mux, engine, peer = UdpMux([]), FakeEngine(), Taking()
    mux._engine = engine
    if phase != "nobody":
        mux.set_ufrags(peer, frozenset({"ufragAAA"}))
    if phase == "validated":
        mux.set_addresses(peer, frozenset({HOME}), now=0.0)
    return mux, engine, peer


def test_the_lengths_are_sixty_four() -> None:
    assert len(LENGTHS) == 64


@pytest.mark.requirement("FUZ-MUX-01")
@pytest.mark.parametrize(("phase", "addr"), list(product(PHASES, (HOME, STRANGER))), ids=str)
def test_every_first_byte_and_length_goes_one_way(phase: str, addr: Addr, seed: int) -> None:
    source = random.Random(seed)
    noise = source.randbytes(2_048)
    mux, engine, peer = a_mux(phase)
    waiting = [
        (bytes([first]) * min(1, length) + noise[1:length], addr)
        for first, length in product(range(256), LENGTHS)
    ]
    total = len(waiting)

    def recvfrom(size: int) -> tuple[bytes, Addr]:
        if not waiting:
            raise BlockingIOError
        data, sender = waiting.pop()
        return data[:size], sender

    began = perf_counter()
    while waiting:
        mux.drain(recvfrom)
    took_s = perf_counter() - began

    assert sum(mux.counts) + len(engine.packets) == total
    assert mux.counters()["handler_error"] == 0
    if phase != "validated" or addr == STRANGER:
        assert (engine.packets, peer.taken) == ([], 0)
    assert took_s / total < 0.001
