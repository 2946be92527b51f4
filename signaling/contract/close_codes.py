"""Why the server closes a socket, and who may come back.

4000–4499: not with what the client holds.  4500–4899: the program, after a pause.  4900–4999: the
program at once, with jitter, and (until seats can be resumed) with a new ticket.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from types import MappingProxyType
from typing import Final


class CloseCode(IntEnum):
    """Codes of the close frame; the library's own (1002, 1007, 1009) are not listed.

    Source: RFC 6455 section 7.4.2 leaves 4000–4999 to applications.
    """

    LEFT = 1000
    """The participant left."""
    BINARY = 1003
    """A binary frame; this subprotocol is text only."""
    BAD_MESSAGE = 4400
    """Repeated violations of the protocol, or a first frame that is no hello."""
    NOT_AUTHENTICATED = 4401
    """No ticket in time, or one that is bad, used or stale."""
    REMOVED = 4403
    """Removed from the room by a host or by the visit service."""
    SUPERSEDED = 4409
    """A newer socket of this person has the seat."""
    ENDED = 4410
    """The visit is over."""
    INTERNAL = 4500
    """A fault of ours."""
    NOT_READY = 4503
    """Redis or the key set is silent, or too many join at once."""
    LIMIT = 4529
    """A limit was exceeded: messages, bytes, or seats of the room."""
    DRAINING = 4900
    """This node is leaving."""
    TOO_SLOW = 4901
    """The peer did not read; usually it sees 1006, for no frame can reach it."""
    SILENT = 4902
    """Nothing was heard of the peer; usually it sees 1006."""


class Retry(Enum):
    """Who may open the next socket."""

    NOBODY = auto()
    PERSON = auto()
    PROGRAM = auto()


WHO_MAY_RETRY: Final[Mapping[CloseCode, Retry]] = MappingProxyType(
    {
        CloseCode.LEFT: Retry.NOBODY,
        CloseCode.BINARY: Retry.NOBODY,
        CloseCode.BAD_MESSAGE: Retry.NOBODY,
        CloseCode.NOT_AUTHENTICATED: Retry.PERSON,
        CloseCode.REMOVED: Retry.NOBODY,
        # Two devices of one person would otherwise take the seat from each other for ever.
        CloseCode.SUPERSEDED: Retry.PERSON,
        CloseCode.ENDED: Retry.NOBODY,
        CloseCode.INTERNAL: Retry.PROGRAM,
        CloseCode.NOT_READY: Retry.PROGRAM,
        CloseCode.LIMIT: Retry.PROGRAM,
        CloseCode.DRAINING: Retry.PROGRAM,
        CloseCode.TOO_SLOW: Retry.PROGRAM,
        CloseCode.SILENT: Retry.PROGRAM,
    }
)
