"""Where signed heads are kept: as far from the database as the operator can bring them."""

from typing import Protocol

from telehealth.audit.heads import KeptHeads, SignedHead
from telehealth.contract import ClinicId


class HeadNotKept(Exception):
    """A sink did not take a head now; the next one, which stands for it too, is tried again."""


class HeadContradicted(Exception):
    """A sink holds another head of the same size: somebody has written history anew."""


class HeadSink(Protocol):
    """One place that keeps heads and gives none of them up."""

    @property
    def name(self) -> str:
        """Short name for the status page and logs, such as `directory`."""
        ...

    async def keep(self, signed: SignedHead) -> None:
        """Keep a head for good; the same head twice is kept once.

        Raises:
            HeadNotKept: Not now, or nobody knows.
            HeadContradicted: Another head stands in its place.
        """
        ...

    async def kept(self, clinic_id: ClinicId) -> KeptHeads:
        """Return what is kept of one chain, as far as the place can be read.

        Raises:
            HeadNotKept: It cannot be read now.
        """
        ...

    async def close(self) -> None:
        """Close what was opened."""
        ...
