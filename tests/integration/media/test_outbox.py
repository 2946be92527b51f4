"""What is held goes out together, whole and in order; what the kernel refuses is counted."""

import socket
from collections.abc import Iterator

import pytest

from media.shell.outbox import DATAGRAMS_A_CALL, NAMES_MAX, Outbox
from media.shell.udp_mux import open_socket


class Ends:
    """An outbox and two receivers, in one address family."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.inside = open_socket(host, 0)
        self.receivers = [open_socket(host, 0) for _ in range(2)]
        self.unsent = 0
        self.outbox = Outbox(self.inside, self.note)

    def note(self, count: int) -> None:
        self.unsent += count

    def send(self, data: bytes, *, to: int = 0) -> None:
        self.outbox.send(data, self.receivers[to].getsockname())

    def received(self, at: int = 0) -> list[bytes]:
        """Everything that lies in a receiver, told apart from whoever else might send."""
        found: list[bytes] = []
        while True:
            try:
                data, addr = self.receivers[at].recvfrom(2_048)
            except BlockingIOError:
                return found
            assert addr == self.inside.getsockname()
            found.append(data)

    def close(self) -> None:
        for each in (self.inside, *self.receivers):
            each.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    made = Ends(request.param)
    yield made
    made.close()


def test_what_is_not_held_leaves_at_once(ends: Ends) -> None:
    ends.send(b"now")

    assert ends.received() == [b"now"]


def test_what_is_held_leaves_on_release_in_order_and_to_whom_it_is_for(ends: Ends) -> None:
    first = [bytes([number]) * (number + 1) for number in range(20)]
    ends.outbox.hold()
    for number, data in enumerate(first):
        ends.send(data, to=number % 2)
    before = ends.received(0) + ends.received(1)
    ends.outbox.release()

    assert before == []
    assert ends.received(0) == first[::2]
    assert ends.received(1) == first[1::2]
    ends.send(b"after")
    assert ends.received() == [b"after"]


def test_more_than_one_call_takes_leaves_without_waiting(ends: Ends) -> None:
    ends.outbox.hold()
    for number in range(3 * DATAGRAMS_A_CALL + 1):
        ends.send(number.to_bytes(2, "big"))
    early = ends.received()
    ends.outbox.release()

    everything = [number.to_bytes(2, "big") for number in range(3 * DATAGRAMS_A_CALL + 1)]
    assert early == everything[:-1]
    assert ends.received() == everything[-1:]


def test_one_that_the_kernel_refuses_is_counted_and_the_rest_goes(ends: Ends) -> None:
    ends.outbox.hold()
    for data in (b"before", bytes(70_000), b"after"):
        ends.send(data)
    ends.outbox.release()

    assert ends.received() == [b"before", b"after"]
    assert ends.unsent == 1


def test_an_empty_release_sends_nothing(ends: Ends) -> None:
    ends.outbox.hold()
    ends.outbox.release()

    assert ends.received() == []
    assert ends.unsent == 0


def test_addresses_are_kept_up_to_a_number() -> None:
    ends = Ends("127.0.0.1")
    ends.outbox.hold()
    for number in range(NAMES_MAX + 10):
        ends.outbox.send(b"", (f"127.1.{number // 250}.{number % 250 + 1}", 9))
    ends.outbox.release()

    assert 0 < len(ends.outbox._names) <= NAMES_MAX
    ends.close()


def test_a_closed_socket_raises_outside_and_is_counted_inside_a_batch() -> None:
    ends = Ends("127.0.0.1")
    target = ends.receivers[0].getsockname()
    ends.inside.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        ends.outbox.send(b"x", target)
    ends.outbox.hold()
    ends.outbox.send(b"x", target)
    ends.outbox.release()

    assert ends.unsent == 1
    assert isinstance(ends.inside, socket.socket)
    ends.close()
