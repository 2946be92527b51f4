"""A signaling connection that keeps what it was told."""

from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from media.contract.control import FromMedia

Frame = TypeVar("Frame")


@dataclass
class RecordingChannel:
    """A fake channel with a ledger."""

    told: list[FromMedia] = field(default_factory=list)
    is_open: bool = True
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def post(self, frame: FromMedia) -> None:
        """Keep a frame."""
        self.told.append(frame)

    def next_number(self) -> int:
        """Return the next event number."""
        return next(self._numbers)

    def of(self, kind: type[Frame]) -> list[Frame]:
        """Return the frames of one kind, in order."""
        return [each for each in self.told if isinstance(each, kind)]
