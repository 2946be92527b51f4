"""Writes down what the pure machines are told, for `media replay`; off unless switched on.

Rooms opened while it is on are recorded, from their first input to their last.  No media passes
here, no key, no password; addresses and ufrags get names of their own.  Opaque ids stay, as on the
control channel, so the file has mode 0600.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Final, TypeAlias, cast

import msgspec

from media.contract.errors import MediaError
from media.core.engine_face import Addr
from media.core.ice_lite import Credentials, IceLite, Verdict
from media.core.replay import VERBS, Effect, Line, Machine, as_text
from media.core.room import Room
from media.core.stun import BindingRequest

LINES_MAX: Final = 1_000_000
"""A forgotten switch must not fill a disk: about 200 MB."""


class Recorder:
    """One node's recorder; `folder` None can never be switched on."""

    def __init__(self, folder: Path | None = None, *, boot_id: str = "") -> None:
        self._folder = folder
        self._boot_id = boot_id
        self._file: BinaryIO | None = None
        self._files = 0
        self._lines = 0
        self._names: dict[str, dict[Any, str]] = {}

    @property
    def is_on(self) -> bool:
        """Whether rooms opened now are recorded."""
        return self._file is not None

    def switch(self, *, is_on: bool) -> bool:
        """Begin a new file, or end it; False if there is no folder it can be in."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if is_on and self._folder is not None:
            self._begin(self._folder)
        return not is_on or self._file is not None

    def _begin(self, folder: Path) -> None:
        self._files += 1
        self._lines = 0
        self._names = {}
        path = folder / f"recording-{self._boot_id}-{self._files}.jsonl"
        with contextlib.suppress(OSError):  # no such folder, or not ours: the switch stays off
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(handle, "wb", buffering=0)

    def ice(
        self, machine: IceLite, *, peer: str, ours: Credentials, theirs_ufrag: str, now: float
    ) -> IceLite:
        """Return the machine, or one that writes down what it is told."""
        if self._file is None:
            return machine
        told = {
            "ours": self.name("ufrag", ours.ufrag),
            "theirs_ufrag": self.name("ufrag", theirs_ufrag),
        }
        wrapped = _Recorded(self, machine, f"ice:{peer}", _ICE)
        self.write(f"ice:{peer}", "new", told, at=now, effects=machine.take_effects())
        return cast("IceLite", wrapped)

    def room(self, machine: Room, *, name: str, seats: int, now: float) -> Room:
        """Return the machine, or one that writes down what it is told."""
        if self._file is None:
            return machine
        wrapped = _Recorded(self, machine, f"room:{name}", _ROOM)
        self.write(f"room:{name}", "new", {"seats": seats}, at=now, effects=())
        return cast("Room", wrapped)

    def name(self, kind: str, value: object) -> str:
        """Give a value a name that means nothing elsewhere."""
        names = self._names.setdefault(kind, {})
        return names.setdefault(value, f"{kind[0]}{len(names) + 1}")

    def name_addr(self, addr: Addr) -> Addr:
        """Name an address from the ranges kept for documentation (RFC 5737, RFC 3849)."""
        number = int(self.name("addr", addr)[1:])
        return (f"2001:db8::{number:x}" if ":" in addr[0] else f"192.0.2.{number % 256}", number)

    def write(
        self,
        machine: str,
        verb: str,
        told: Mapping[str, Any],
        *,
        at: float,
        effects: Iterable[Effect],
        refused: str | None = None,
    ) -> None:
        """Write one line; a full disk or the bound ends the recording, never the call."""
        if self._file is None:
            return
        line = Line(
            at=at,
            machine=machine,
            verb=verb,
            told=dict(told),
            effects=as_text(effects, self.name_addr),
            refused=refused,
        )
        self._lines += 1
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
        except OSError:
            self.switch(is_on=False)
        if self._lines >= LINES_MAX:
            self.switch(is_on=False)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a verb, before its arguments are given names."""

    recorder: Recorder
    values: tuple[Any, ...]
    named: dict[str, Any]
    result: object


_Verb: TypeAlias = Callable[[_Call], dict[str, Any]]


class _Recorded:
    """A machine that writes down what it is told; what it wants done is handed over as ever."""

    def __init__(
        self, recorder: Recorder, machine: Machine, name: str, verbs: Mapping[str, _Verb]
    ) -> None:
        self._recorder, self._machine, self._name, self._verbs = recorder, machine, name, verbs
        self._effects: list[Effect] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the machine has)
        found = getattr(self._machine, name)
        verb = self._verbs.get(name)
        return found if verb is None else self._call(name, verb, found)

    def take_effects(self) -> list[Effect]:
        """Hand over what was drained after each verb."""
        effects, self._effects = self._effects, []
        return effects

    def _call(self, name: str, verb: _Verb, do: Callable[..., object]) -> Callable[..., object]:
        def called(*values: object, **named: object) -> object:
            refused: str | None = None
            result: object = None
            try:
                result = do(*values, **named)
            except MediaError as refusal:
                refused = str(refusal.code)
                raise
            finally:
                effects = list(self._machine.take_effects())
                self._effects += effects
                told = verb(_Call(self._recorder, values, named, result))
                at = float(str(named.get("now", monotonic())))
                self._recorder.write(
                    self._name, name, told, at=at, effects=effects, refused=refused
                )
            return result

        return called


def _told_check(call: _Call) -> dict[str, Any]:
    check: BindingRequest = call.values[0]
    return {
        "transaction": check.transaction_id.hex(),
        "local": call.recorder.name("ufrag", check.local_ufrag),
        "remote": call.recorder.name("ufrag", check.remote_ufrag),
        "is_nominating": check.is_nominating,
        "is_controlled": check.is_controlled,
        "was_authentic": call.result is not Verdict.INTEGRITY,
        "addr": call.recorder.name_addr(call.values[1])[0],
    }


def _told_restart(call: _Call) -> dict[str, Any]:
    return {
        "ours": call.recorder.name("ufrag", call.values[0].ufrag),
        "theirs_ufrag": call.recorder.name("ufrag", call.values[1]),
    }


def _told_addr(call: _Call) -> dict[str, Any]:
    return {"addr": call.recorder.name_addr(call.values[0])[0]}


def _by_order(*names: str) -> _Verb:
    """Tell positional values by these names, named ones by their own."""

    def told(call: _Call) -> dict[str, Any]:
        both = dict(zip(names, call.values, strict=False)) | call.named
        both.pop("now", None)
        plain: dict[str, Any] = msgspec.to_builtins(both)
        return plain

    return told


_ICE: Final[Mapping[str, _Verb]] = {
    "on_check": _told_check,
    "restart": _told_restart,
    "forget": _told_addr,
    "on_media": _by_order(),
    "on_deadline": _by_order(),
}
_ROOM: Final[Mapping[str, _Verb]] = {
    "attach": _by_order("participant_id", "attach_epoch", "may_publish"),
    "detach": _by_order("participant_id"),
    "set_slots": _by_order("participant_id", "audio_mids", "video_mids"),
    "publish": _by_order("participant_id", "publication_id", "mid", "source"),
    "unpublish": _by_order("participant_id", "publication_id"),
    "mute": _by_order("participant_id", "publication_id"),
    "set_wants": _by_order("participant_id", "wants"),
    "note_speakers": _by_order("publication_ids"),
    "ack_slots": _by_order("participant_id", "map_id"),
    "on_deadline": _by_order(),
}
assert set(_ICE) == set(VERBS[IceLite])  # noqa: S101  (what is recorded can be replayed)
assert set(_ROOM) == set(VERBS[Room])  # noqa: S101  (likewise)
