"""Recorded inputs of the pure machines, fed to fresh ones.  Pure.

A recording holds what a machine was told and what it then wanted done: verbs and their values, with
addresses and credentials replaced by names that mean nothing elsewhere.  It holds no media, no key,
no person.  Fed again, the same inputs must give the same effects; where they do not, either the
machine has changed since, or the recording was.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec

from media.contract.control import Source, Want
from media.contract.errors import MediaError
from media.core.engine_face import Addr
from media.core.ice_lite import Credentials, IceEffect, IceLite, PathChanged, SendTo
from media.core.room import Room
from media.core.room_facts import RoomEffect
from media.core.stun import BindingRequest


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One input of one machine."""

    at: float
    """Monotonic seconds of the recording process."""
    machine: str
    """Which one; the kind stands before the first colon."""
    verb: str
    """`new` makes it."""
    told: dict[str, Any] = msgspec.field(default_factory=dict)
    effects: tuple[str, ...] = ()
    """What it wanted done, as text."""
    refused: str | None = None
    """Code of the refusal it answered with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSeen(BindingRequest):
    """A check of which only what became of it was recorded."""

    was_authentic: bool

    def is_authentic(self, password: str) -> bool:
        """Say what was said then."""
        del password
        return self.was_authentic


Machine: TypeAlias = IceLite | Room
Effect: TypeAlias = IceEffect | RoomEffect
Maker: TypeAlias = Callable[[Mapping[str, Any], float], Machine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One line, what came of it now, and whether that is what came of it then."""

    line: Line
    effects: tuple[str, ...]
    is_same: bool


@dataclass(slots=True)
class Replay:
    """Machines made by a recording so far."""

    machines: dict[str, Machine] = field(default_factory=dict)

    def feed(self, line: Line) -> Replayed:
        """Feed one line.

        Raises:
            ValueError: The line names a machine or verb there is none of.
        """
        refused: str | None = None
        try:
            self._apply(line)
        except MediaError as refusal:
            refused = str(refusal.code)
        machine = self.machines.get(line.machine)
        effects = () if machine is None else as_text(machine.take_effects())
        is_same = (effects, refused) == (line.effects, line.refused)
        return Replayed(line=line, effects=effects, is_same=is_same)

    def _apply(self, line: Line) -> None:
        if line.verb == "new":
            self.machines[line.machine] = _maker(line.machine)(line.told, line.at)
            return
        machine = self.machines.get(line.machine)
        if machine is None or line.verb not in VERBS[type(machine)]:
            raise ValueError(line.verb)
        VERBS[type(machine)][line.verb](machine, line.told, line.at)


def as_text(
    effects: Iterable[Effect], name_of: Callable[[Addr], Addr] = lambda addr: addr
) -> tuple[str, ...]:
    """Write effects down, addresses by the name they are given; bytes by their number only."""
    return tuple(_shown(effect, name_of) for effect in effects)


def lines_of(text: Iterator[bytes]) -> Iterator[Line]:
    """Read a recording, one JSON object a line.

    Raises:
        ValueError: A line cannot be read; its number is told.
    """
    decoder = msgspec.json.Decoder(Line)
    for number, line in enumerate(text, start=1):
        try:
            yield decoder.decode(line)
        except msgspec.DecodeError:
            raise ValueError(f"line {number} cannot be read") from None


def _shown(effect: Effect, name_of: Callable[[Addr], Addr]) -> str:
    match effect:
        case SendTo(addr=addr, data=data):
            return f"SendTo({name_of(addr)[0]}, {len(data)} bytes)"
        case PathChanged(valid=valid, selected=selected):
            names = sorted(name_of(addr)[0] for addr in valid)
            return f"PathChanged({names}, {None if selected is None else name_of(selected)[0]})"
        case _:
            return str(effect)


def _maker(machine: str) -> Maker:
    kind = machine.partition(":")[0]
    if kind not in _MAKERS:
        raise ValueError(machine)
    return _MAKERS[kind]


def _check(told: Mapping[str, Any]) -> BindingRequest:
    """Make a check of which is known only what became of it."""
    return CheckSeen(
        transaction_id=bytes.fromhex(told["transaction"]),
        priority=None,
        signed=b"",
        integrity=b"",
        local_ufrag=told["local"],
        remote_ufrag=told["remote"],
        is_nominating=told["is_nominating"],
        is_controlled=told["is_controlled"],
        was_authentic=told["was_authentic"],
    )


def _addr(told: Mapping[str, Any]) -> tuple[str, int]:
    return (str(told["addr"]), 0)


def _credentials(told: Mapping[str, Any]) -> Credentials:
    return Credentials(ufrag=told["ours"], password="")


def _wants(told: Mapping[str, Any]) -> list[Want]:
    return [msgspec.convert(each, Want) for each in told["wants"]]


_MAKERS: Final[Mapping[str, Maker]] = {
    "ice": lambda told, at: IceLite(
        ours=_credentials(told), theirs_ufrag=told["theirs_ufrag"], now=at
    ),
    "room": lambda told, _: Room(seats=told["seats"]),
}
Verb: TypeAlias = Callable[[Any, Mapping[str, Any], float], object]
VERBS: Final[Mapping[type[Machine], Mapping[str, Verb]]] = {
    IceLite: {
        "on_check": lambda it, told, at: it.on_check(_check(told), _addr(told), now=at),
        "restart": lambda it, told, at: it.restart(
            _credentials(told), told["theirs_ufrag"], now=at
        ),
        "on_media": lambda it, _, at: it.on_media(now=at),
        "on_deadline": lambda it, _, at: it.on_deadline(now=at),
        "forget": lambda it, told, at: it.forget(_addr(told), now=at),
    },
    Room: {
        "attach": lambda it, told, _: it.attach(
            told["participant_id"],
            told["attach_epoch"],
            frozenset(Source(each) for each in told["may_publish"]),
        ),
        "detach": lambda it, told, _: it.detach(told["participant_id"]),
        "set_slots": lambda it, told, _: it.set_slots(
            told["participant_id"], told["audio_mids"], told["video_mids"]
        ),
        "publish": lambda it, told, _: it.publish(
            told["participant_id"],
            told["publication_id"],
            told["mid"],
            Source(told["source"]),
            is_muted=told["is_muted"],
        ),
        "unpublish": lambda it, told, _: it.unpublish(
            told["participant_id"], told["publication_id"]
        ),
        "mute": lambda it, told, _: it.mute(
            told["participant_id"], told["publication_id"], is_muted=told["is_muted"]
        ),
        "set_wants": lambda it, told, _: it.set_wants(told["participant_id"], _wants(told)),
        "note_speakers": lambda it, told, _: it.note_speakers(told["publication_ids"]),
        "ack_slots": lambda it, told, at: it.ack_slots(
            told["participant_id"], told["map_id"], now=at
        ),
        "on_deadline": lambda it, _, at: it.on_deadline(now=at),
    },
}
