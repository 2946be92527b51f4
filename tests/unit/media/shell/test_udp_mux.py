import socket
from collections.abc import Callable, Iterator

import pytest

from media.core.engine_face import Addr
from media.core.ice_lite import Verdict
from media.core.stun import BindingRequest, write_request
from media.shell.udp_mux import CHECKS_PER_S, DATAGRAMS_A_WAKE, Guard, UdpMux, buffer_bytes
from tests.support.fake_engine import FakeEngine
from tests.support.requirements import Figure

HOME: Addr = ("192.0.2.1", 1_000)
STRANGER: Addr = ("198.51.100.9", 9)
RTP = b"\x80\x6f" + bytes(20)
RTCP = b"\x80\xc8" + bytes(20)
DTLS = b"\x16\xfe\xfd" + bytes(20)


class SilentSocket(socket.socket):
    """A fake socket: keeps a ledger of what it was asked to send."""

    def __init__(self, family: int = socket.AF_INET) -> None:
        super().__init__(family, socket.SOCK_DGRAM)
        self.sent: list[tuple[bytes, Addr]] = []
        self.is_full = False

    def sendto(self, data: bytes, addr: Addr) -> int:  # type: ignore[override]  # one form only
        """Note, or refuse as a full buffer does."""
        if self.is_full:
            raise BlockingIOError
        self.sent.append((data, addr))
        return len(data)


class FakePeer:
    """Answers every check with one verdict and keeps a ledger."""

    def __init__(self, verdict: Verdict = Verdict.ACCEPTED, *, holds: bool = False) -> None:
        self.verdict = verdict
        self.holds = holds
        self.takes_dtls = True
        self.checked: list[Addr] = []
        self.dtls: list[bytes] = []
        self.forgotten: list[Addr] = []

    def on_check(self, check: BindingRequest, addr: Addr, *, now: float) -> Verdict:
        """Note a check."""
        del check, now
        self.checked.append(addr)
        return self.verdict

    def on_dtls(self, data: bytes, addr: Addr, *, now: float) -> bool:
        """Note a DTLS datagram."""
        del addr, now
        self.dtls.append(data)
        return self.takes_dtls

    def holds_its_addresses(self, *, now: float) -> bool:
        """Say what the test decided."""
        del now
        return self.holds

    def forget(self, addr: Addr, *, now: float) -> None:
        """Note an address given up."""
        del now
        self.forgotten.append(addr)


class Lab:
    """A mux over a silent socket; `take` plays datagrams into the drain loop."""

    def __init__(self) -> None:
        self.socket = SilentSocket()
        self.mux = UdpMux([self.socket])
        self.engine = FakeEngine()
        self.mux._engine = self.engine
        self.peer = FakePeer()
        self.mux.set_ufrags(self.peer, frozenset({"ufragAAA"}))
        self.mux.set_addresses(self.peer, frozenset({HOME}), now=0.0)

    def take(self, *datagrams: tuple[bytes, Addr] | OSError) -> dict[str, int]:
        """Let these arrive in one wake; what each guard counted."""
        before = self.mux.counters()
        waiting = iter([*datagrams, BlockingIOError()])

        def recvfrom(size: int) -> tuple[bytes, Addr]:
            found = next(waiting)
            if isinstance(found, OSError):
                raise found
            return found[0][:size], found[1]

        self.mux.drain(recvfrom)
        after = self.mux.counters()
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.socket.close()


def a_check(ufrag: str = "ufragAAA") -> bytes:
    return write_request(
        bytes(12), username=f"{ufrag}:theirs", password="p" * 24, priority=1, tie_breaker=1
    )


def test_packets_of_a_known_address_reach_the_engine(lab: Lab) -> None:
    assert lab.take((RTP, HOME), (RTCP, HOME)) == {}
    assert lab.engine.packets == [("srtp", HOME, RTP), ("srtcp", HOME, RTCP)]


def test_packets_of_a_stranger_reach_nobody(lab: Lab) -> None:
    assert lab.take((RTP, STRANGER), (RTCP, STRANGER), (DTLS, STRANGER)) == {
        "no_peer": 2,
        "dtls_stranger": 1,
    }
    assert lab.engine.packets == []
    assert lab.peer.dtls == []


@pytest.mark.parametrize("size", [0, 1, 11, 1_501, 1_900, 2_048, 65_000])
@pytest.mark.parametrize("first", [0, 22, 128])
@pytest.mark.parametrize("addr", [HOME, STRANGER], ids=["known", "stranger"])
def test_a_datagram_of_a_bad_size_is_counted_and_nothing_else(
    lab: Lab, size: int, first: int, addr: Addr
) -> None:
    assert lab.take((bytes([first]) * size, addr)) == {"bad_datagram": 1}
    assert lab.engine.packets == []
    assert lab.peer.dtls == []


@pytest.mark.parametrize("first", [4, 19, 64, 127, 192, 255])
def test_a_first_byte_of_no_protocol_of_ours_is_counted(lab: Lab, first: int) -> None:
    assert lab.take((bytes([first]) * 40, HOME)) == {"bad_datagram": 1}


def test_dtls_of_a_known_address_reaches_its_peer(lab: Lab) -> None:
    assert lab.take((DTLS, HOME), (DTLS[:12], HOME)) == {"dtls_accepted": 1, "dtls_short": 1}
    lab.peer.takes_dtls = False
    assert lab.take((DTLS, HOME)) == {"dtls_dropped": 1}
    assert lab.peer.dtls == [DTLS, DTLS]


def test_a_check_reaches_the_peer_whose_name_it_has(lab: Lab) -> None:
    assert lab.take((a_check(), STRANGER)) == {"stun_accepted": 1}
    assert lab.peer.checked == [STRANGER]
    assert lab.take((a_check("nobodyAB"), STRANGER)) == {"stun_unknown_ufrag": 1}
    assert lab.take((a_check()[:-4], STRANGER)) == {"stun_malformed": 1}
    assert lab.socket.sent == []


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_its_counter(lab: Lab, verdict: Verdict) -> None:
    lab.peer.verdict = verdict

    assert lab.take((a_check(), HOME)) == {f"stun_{verdict}": 1}


def test_checks_beyond_the_nodes_rate_are_not_read(lab: Lab) -> None:
    flood = [(a_check("nobodyAB"), STRANGER)] * CHECKS_PER_S
    for at in range(0, CHECKS_PER_S, DATAGRAMS_A_WAKE):
        lab.take(*flood[at : at + DATAGRAMS_A_WAKE])

    counted = lab.take((a_check(), HOME))

    # The clock may have turned a second on a slow machine: then the check is heard.
    assert counted in ({"stun_rate": 1}, {"stun_accepted": 1})


def test_a_check_of_another_peer_does_not_take_a_held_address(lab: Lab) -> None:
    other = FakePeer()
    lab.mux.set_ufrags(other, frozenset({"ufragBBB"}))
    lab.peer.holds = True

    assert lab.take((a_check("ufragBBB"), HOME)) == {"stun_address_held": 1}
    assert other.checked == []
    lab.peer.holds = False
    assert lab.take((a_check("ufragBBB"), HOME)) == {"stun_accepted": 1}


def test_an_address_that_moves_to_another_peer_is_given_up_by_the_first(lab: Lab) -> None:
    other = FakePeer()

    lab.mux.set_addresses(other, frozenset({HOME, STRANGER}), now=1.0)

    assert lab.peer.forgotten == [HOME]
    lab.take((DTLS, HOME))
    assert other.dtls == [DTLS]


def test_a_dropped_peer_is_a_stranger_again(lab: Lab) -> None:
    lab.mux.drop(lab.peer)

    assert lab.take((RTP, HOME), (a_check(), HOME)) == {"no_peer": 1, "stun_unknown_ufrag": 1}
    assert not lab.mux.has_ufrag("ufragAAA")
    lab.mux.drop(lab.peer)


def test_names_of_an_old_generation_are_forgotten(lab: Lab) -> None:
    lab.mux.set_ufrags(lab.peer, frozenset({"ufragCCC"}))

    assert not lab.mux.has_ufrag("ufragAAA")
    assert lab.mux.has_ufrag("ufragCCC")
    lab.mux.set_addresses(lab.peer, frozenset({STRANGER}), now=1.0)
    assert lab.take((RTP, HOME), (RTP, STRANGER)) == {"no_peer": 1}


def test_an_error_of_the_socket_is_counted_and_the_next_datagram_read(lab: Lab) -> None:
    assert lab.take(ConnectionRefusedError(), (RTP, HOME)) == {"socket_error": 1}
    assert len(lab.engine.packets) == 1


def failing(*_: object, **__: object) -> None:
    raise RuntimeError("injected")


INJECTED: dict[str, Callable[[Lab], tuple[bytes, object, str]]] = {
    "srtp": lambda lab: (RTP, lab.engine, "on_srtp"),
    "srtcp": lambda lab: (RTCP, lab.engine, "on_srtcp"),
    "dtls": lambda lab: (DTLS, lab.peer, "on_dtls"),
    "check": lambda lab: (a_check(), lab.peer, "on_check"),
    "holder": lambda lab: (a_check("ufragBBB"), lab.peer, "holds_its_addresses"),
    "other": lambda lab: (DTLS, lab.mux, "_on_other"),
    "stun": lambda lab: (a_check(), lab.mux, "_on_stun"),
    "association": lambda lab: (DTLS, lab.mux, "_on_dtls"),
}


@pytest.mark.requirement("SEC-MEDIA-11")
@pytest.mark.parametrize("where", INJECTED)
def test_a_fault_in_any_callee_costs_one_datagram(lab: Lab, where: str, figure: Figure) -> None:
    """SEC-MEDIA-11: that datagram is lost and counted, the next one is handled."""
    lab.mux.set_ufrags(FakePeer(), frozenset({"ufragBBB"}))
    datagram, owner, name = INJECTED[where](lab)
    setattr(owner, name, failing)

    assert lab.take((datagram, HOME))["handler_error"] == 1
    vars(owner).pop(name)
    assert "handler_error" not in lab.take((RTP, HOME))
    assert lab.engine.packets[-1] == ("srtp", HOME, RTP)
    figure(f"{len(INJECTED)} callees, one datagram each")


def test_one_wake_takes_sixty_four_datagrams(lab: Lab) -> None:
    """Then the loop's timers and handshakes get their turn."""
    lab.take(*[(RTP, HOME)] * (DATAGRAMS_A_WAKE + 10))

    assert len(lab.engine.packets) == DATAGRAMS_A_WAKE


def test_what_the_socket_does_not_take_is_lost_and_counted(lab: Lab) -> None:
    lab.socket.is_full = True

    lab.mux.send(HOME, b"x")

    assert lab.mux.counts[Guard.SEND_ERROR] == 1


def test_each_address_family_leaves_by_its_own_socket() -> None:
    v4, v6 = SilentSocket(), SilentSocket(socket.AF_INET6)
    mux = UdpMux([v4, v6])

    mux.sendto(b"four", HOME)
    mux.sendto(b"six", ("2001:db8::1", 1, 0, 0))
    mux.send(("2001:db8::1", 1, 0, 0), b"more")

    assert [data for data, _ in v4.sent] == [b"four"]
    assert [data for data, _ in v6.sent] == [b"six", b"more"]
    v4.close()
    v6.close()


def test_the_granted_buffer_is_read_back() -> None:
    opened = SilentSocket()

    assert buffer_bytes(opened) > 0
    opened.close()
