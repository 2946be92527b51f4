"""What leaves one socket: at once, or held back a moment and handed to the kernel together.

Each send is a system call, and to a neighbour on this machine also a wake-up of its own.  While a
batch of datagrams is read, or a tick runs, what they give rise to waits and goes out by one
`sendmmsg` for up to 32 datagrams.  Nothing waits longer than the batch takes; the order stays.

Source:
    sendmmsg(2), Linux; other systems send one by one.
"""

import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final

from cffi import FFI

from media.core.engine_face import Addr

DATAGRAMS_A_CALL: Final = 32
NAMES_MAX: Final = 4_096
"""Addresses kept in the kernel's form: those of ten full rooms, many times over."""

_FFI: Final[Any] = FFI()
_FFI.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen;
        int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags);
    """
)
_LIBC: Final[Any] = _FFI.dlopen(None) if sys.platform == "linux" else None


class Outbox:
    """Sends from one socket, which is not its own to close.

    Args:
        opened: A datagram socket that does not block.
        on_unsent: Told how many datagrams the kernel did not take; they are lost, as on any
            network.
    """

    def __init__(self, opened: socket.socket, on_unsent: Callable[[int], None]) -> None:
        self._opened = opened
        self._on_unsent = on_unsent
        self._is_held = False
        self._data: list[bytes] = []
        self._addrs: list[Addr] = []
        self._names: dict[Addr, object] = {}
        self._heads = _FFI.new("struct mmsghdr[]", DATAGRAMS_A_CALL)
        self._parts = _FFI.new("struct iovec[]", DATAGRAMS_A_CALL)
        name_bytes = 28 if opened.family == socket.AF_INET6 else 16
        for head, part in zip(self._heads, self._parts, strict=True):
            head.msg_hdr.msg_namelen = name_bytes
            head.msg_hdr.msg_iov = _FFI.addressof(part)
            head.msg_hdr.msg_iovlen = 1
        self._places = [
            (head.msg_hdr, part) for head, part in zip(self._heads, self._parts, strict=True)
        ]

    def send(self, data: bytes, addr: Addr) -> None:
        """Send a datagram, or hold it until `release`.

        Raises:
            OSError: The kernel does not take it; of a held one `on_unsent` is told instead.
        """
        if not self._is_held:
            self._opened.sendto(data, addr)
            return
        self._data.append(data)
        self._addrs.append(addr)
        if len(self._data) == DATAGRAMS_A_CALL:
            self._flush()

    def hold(self) -> None:
        """Let what is sent from now on wait."""
        self._is_held = _LIBC is not None

    def release(self) -> None:
        """Send what waits, and again each datagram at once."""
        self._is_held = False
        if self._data:
            self._flush()

    def _flush(self) -> None:
        data, addrs, names = self._data, self._addrs, self._names
        held = []  # the buffers must live until the call is over
        for (head, part), each, addr in zip(self._places, data, addrs, strict=False):
            name = names.get(addr)
            head.msg_name = self._name(addr) if name is None else name
            body = _FFI.from_buffer(each)
            held.append(body)
            part.iov_base, part.iov_len = body, len(each)
        self._call(len(data))
        data.clear()
        addrs.clear()

    def _call(self, count: int) -> None:
        """Hand over all; one the kernel refuses is passed by, the rest still goes."""
        done = unsent = 0
        while done < count:
            taken = _LIBC.sendmmsg(self._opened.fileno(), self._heads + done, count - done, 0)
            if taken <= 0:
                unsent, taken = unsent + 1, 1
            done += taken
        if unsent:
            self._on_unsent(unsent)

    def _name(self, addr: Addr) -> object:
        """Return an address as the kernel takes it, and keep it."""
        if len(self._names) >= NAMES_MAX:
            self._names.clear()
        name = self._names[addr] = _FFI.new("char[]", _packed(self._opened.family, addr))
        return name


def _packed(family: int, addr: Addr) -> bytes:
    """Return an address as `struct sockaddr_in` or, with flow and scope of 0, `sockaddr_in6`."""
    host, port = addr[0], addr[1]
    if family == socket.AF_INET6:
        return struct.pack("=H", family) + struct.pack(
            "!HI16sI", port, 0, socket.inet_pton(family, host), 0
        )
    return struct.pack("=H", family) + struct.pack("!H4s8x", port, socket.inet_pton(family, host))
