"""Results of commands: a repeat gets the same one, and every refusal has its one word.

Signaling repeats what it got no answer to, perhaps over another connection.
"""

from collections import OrderedDict
from typing import Final, TypeAlias

import structlog

from media.contract.control import CommandRefused, ControlCommand, Done, RefusalCode
from media.contract.errors import (
    BadSdp,
    FingerprintChanged,
    PeerViolation,
    Refused,
    TooManySlots,
)

RESULT_KEPT_S: Final = 120.0
RESULTS_MAX: Final = 4_096

Result: TypeAlias = Done | CommandRefused

_log = structlog.get_logger()


class Results:
    """What the last commands came to; bounded in time and number."""

    def __init__(self) -> None:
        self._kept: OrderedDict[ControlCommand, tuple[Result, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def known(self, command: ControlCommand) -> Result | None:
        """Return what this very command came to before."""
        found = self._kept.get(command)
        return None if found is None else found[0]

    def keep(self, command: ControlCommand, result: Result, *, now: float) -> None:
        """Remember a result."""
        self._kept[command] = (result, now)
        if len(self._kept) > RESULTS_MAX:
            self._kept.popitem(last=False)

    def sweep(self, *, now: float) -> None:
        """Forget what is older than two minutes."""
        while self._kept:
            command, (_, made_at) = next(iter(self._kept.items()))
            if now < made_at + RESULT_KEPT_S:
                break
            del self._kept[command]


def refusal(request_id: str, violation: PeerViolation) -> CommandRefused:
    """Many reasons inside, few told outside: the one function between."""
    match violation:
        case Refused(refusal=code, retry_after_ms=retry_after_ms):
            return CommandRefused(request_id=request_id, code=code, retry_after_ms=retry_after_ms)
        case BadSdp(fault=fault):
            _log.info("offer.refused", fault=fault)
            code = RefusalCode.BAD_SDP
        case TooManySlots():
            code = RefusalCode.TOO_MANY_SLOTS
        case FingerprintChanged():
            code = RefusalCode.FINGERPRINT_CHANGED
        case _:
            code = RefusalCode.BAD_COMMAND
    return CommandRefused(request_id=request_id, code=code)
