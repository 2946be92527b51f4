"""Checks as a client would send them, for tests of the ICE machine."""

from media.core.engine_face import Addr
from media.core.ice_lite import Credentials, IceLite, PathChanged, SendTo, Verdict
from media.core.stun import BindingRequest, read_request, write_request

OURS = Credentials(ufrag="oursABCD", password="p" * 24)
NEWER = Credentials(ufrag="newrABCD", password="q" * 24)
THEIRS, THEIRS_NEWER = "theirs01", "theirs02"
HOME: Addr = ("192.0.2.1", 1_000)
AWAY: Addr = ("198.51.100.2", 2_000)


def addr(number: int) -> Addr:
    """Return one of many addresses."""
    return (f"203.0.113.{number}", 5_000)


class Checks:
    """Makes checks with rising transaction ids."""

    def __init__(self) -> None:
        self._count = 0

    def make(
        self,
        *,
        ours: Credentials = OURS,
        theirs: str = THEIRS,
        password: str | None = None,
        transaction: int | None = None,
        is_nominating: bool = False,
    ) -> BindingRequest:
        """Return a parsed check, right unless told otherwise."""
        self._count += 1
        number = self._count if transaction is None else transaction
        return read_request(
            write_request(
                number.to_bytes(12, "big"),
                username=f"{ours.ufrag}:{theirs}",
                password=password or ours.password,
                priority=1,
                tie_breaker=1,
                is_nominating=is_nominating,
            )
        )


def a_machine(now: float = 0.0) -> IceLite:
    """Return a machine of one generation that nobody has checked."""
    return IceLite(ours=OURS, theirs_ufrag=THEIRS, now=now)


def checked(machine: IceLite, checks: Checks, where: Addr, *, now: float) -> PathChanged | None:
    """Let one right check come in; return the last change of path it caused."""
    assert machine.on_check(checks.make(), where, now=now) is Verdict.ACCEPTED
    return last_path(machine)


def last_path(machine: IceLite) -> PathChanged | None:
    """Drain the effects; return the last change of path among them."""
    paths = [each for each in machine.take_effects() if isinstance(each, PathChanged)]
    return paths[-1] if paths else None


def answers(machine: IceLite) -> list[Addr]:
    """Drain the effects; return the addresses that were answered."""
    return [each.addr for each in machine.take_effects() if isinstance(each, SendTo)]
