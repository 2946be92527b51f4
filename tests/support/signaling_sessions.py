"""Sessions as far as a seat, and the answers they give."""

from signaling.contract.close_codes import WHO_MAY_RETRY, CloseCode, Retry
from signaling.contract.messages import Action, Admitted, Goodbye, Refused, SeatState
from signaling.core.effects import Close, Send
from signaling.core.session import Session
from tests.support.signaling_peers import frame, hello, welcome

OPEN = Admitted(room_epoch=7, ice_servers=(), slots_max=22)


def seated(state: SeatState = SeatState.ACTIVE, *, may_admit: bool = False) -> Session:
    """Return a session that said hello under number 1 and has its seat; nothing is owed."""
    session = Session(now=0.0)
    session.receive(hello(1), now=0.0)
    session.on_attached(welcome(state=state, may_admit=may_admit))
    session.take_effects()
    return session


def with_media() -> Session:
    session = seated()
    session.on_media_open(OPEN)
    session.take_effects()
    return session


def offer(number: int, offer_id: int, *, room_epoch: int = 7) -> str:
    return frame("offer", number, offer_id=offer_id, room_epoch=room_epoch, sdp="v=0")


def no(code: str, re: int | None, *, may_retry: bool = False, after_ms: int | None = None) -> Send:
    return Send(Refused(re=re, code=code, may_retry=may_retry, retry_after_ms=after_ms))


def end(code: CloseCode, cause: str, *, after_ms: int | None = None) -> Close:
    action = Action.REJOIN if WHO_MAY_RETRY[code] is Retry.PROGRAM else Action.STOP
    return Close(code, Goodbye(cause=cause, action=action, retry_after_ms=after_ms))
