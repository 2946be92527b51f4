"""Where a seat may go: the literal table of one participant's stay.

Not here: who may move it and what follows (`room`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from signaling.contract.errors import WrongState
from signaling.contract.ids import ParticipantId
from signaling.contract.messages import ParticipantSeen, PublicationSeen, SeatState, Source


class Step(StrEnum):
    """What happens to a seat."""

    ATTACH_LOBBY = "attach_lobby"
    ATTACH_DIRECT = "attach_direct"
    ADMIT = "admit"
    RETURN = "return"
    SILENT = "silent"
    HEARD = "heard"
    TIMEOUT = "timeout"
    LEAVE = "leave"
    REMOVE = "remove"
    END = "end"


_S, _T = SeatState, Step

NEXT: Final[Mapping[tuple[SeatState | None, Step], SeatState | None]] = MappingProxyType(
    {
        (None, _T.ATTACH_LOBBY): _S.LOBBY,
        (None, _T.ATTACH_DIRECT): _S.ACTIVE,
        # A newer socket of the same person; others see at most that somebody is back.
        (_S.LOBBY, _T.ATTACH_LOBBY): _S.LOBBY,
        (_S.LOBBY, _T.ATTACH_DIRECT): _S.ACTIVE,
        (_S.LOBBY_AWAY, _T.ATTACH_LOBBY): _S.LOBBY,
        (_S.LOBBY_AWAY, _T.ATTACH_DIRECT): _S.ACTIVE,
        (_S.ACTIVE, _T.ATTACH_DIRECT): _S.ACTIVE,
        (_S.ACTIVE_AWAY, _T.ATTACH_DIRECT): _S.ACTIVE,
        # The ticket is older than the admission; only `return` takes an admission back.
        (_S.ACTIVE, _T.ATTACH_LOBBY): _S.ACTIVE,
        (_S.ACTIVE_AWAY, _T.ATTACH_LOBBY): _S.ACTIVE,
        (_S.LOBBY, _T.ADMIT): _S.ACTIVE,
        # The admission is kept; media is opened at the return.
        (_S.LOBBY_AWAY, _T.ADMIT): _S.ACTIVE_AWAY,
        (_S.ACTIVE, _T.ADMIT): _S.ACTIVE,
        (_S.ACTIVE_AWAY, _T.ADMIT): _S.ACTIVE_AWAY,
        (_S.ACTIVE, _T.RETURN): _S.LOBBY,
        (_S.ACTIVE_AWAY, _T.RETURN): _S.LOBBY_AWAY,
        (_S.LOBBY, _T.RETURN): _S.LOBBY,
        (_S.LOBBY_AWAY, _T.RETURN): _S.LOBBY_AWAY,
        (_S.LOBBY, _T.SILENT): _S.LOBBY_AWAY,
        (_S.ACTIVE, _T.SILENT): _S.ACTIVE_AWAY,
        (_S.LOBBY_AWAY, _T.HEARD): _S.LOBBY,
        (_S.ACTIVE_AWAY, _T.HEARD): _S.ACTIVE,
        # Somebody present never times out: silence comes first.
        (_S.LOBBY_AWAY, _T.TIMEOUT): None,
        (_S.ACTIVE_AWAY, _T.TIMEOUT): None,
        **{(state, step): None for state in _S for step in (_T.LEAVE, _T.REMOVE, _T.END)},
    }
)

_ACTIVE: Final = frozenset({_S.ACTIVE, _S.ACTIVE_AWAY})
_AWAY: Final = frozenset({_S.LOBBY_AWAY, _S.ACTIVE_AWAY})


def advance(state: SeatState | None, step: Step) -> SeatState | None:
    """Return where a seat stands after `step`; None is no seat.

    Raises:
        WrongState: The step cannot be taken from here.
    """
    try:
        return NEXT[state, step]
    except KeyError:
        raise WrongState from None


@dataclass(slots=True, kw_only=True)
class Seat:
    """One participant's stay in a room."""

    participant_id: ParticipantId
    role: str
    kind: str
    may_admit: bool
    state: SeatState
    attach_epoch: int
    has_entered: bool = False
    """Whether the visit service was told that they wait."""
    has_joined: bool = False
    """Whether the visit service was told that this stay began."""
    is_reconnecting: bool = False
    publications: dict[Source, PublicationSeen] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether it is in the room, present or away."""
        return self.state in _ACTIVE

    @property
    def is_away(self) -> bool:
        """Whether nothing is heard of it."""
        return self.state in _AWAY

    @property
    def is_host(self) -> bool:
        """Whether it may let others in now: only from inside the room."""
        return self.may_admit and self.is_active

    def seen(self) -> ParticipantSeen:
        """Return the seat as others see it."""
        return ParticipantSeen(
            participant_id=self.participant_id,
            role=self.role,
            kind=self.kind,
            state=self.state,
            is_reconnecting=self.is_reconnecting,
        )
