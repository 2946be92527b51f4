"""How a stored row leads to others, said in names of tables and columns.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Via:
    """One step on the way to a patient or a clinic: the row of `table` whose `key` fits."""

    table: str
    key: str
    then: str
    """The column of that row to go on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A column, and the tables it leads through."""

    column: str
    through: Sequence[Via] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedBy:
    """Rows of `table` whose `column` names a row by its id."""

    table: str
    column: str
    only: tuple[str, Sequence[str]] | None = None
    """Only rows with one of these values in this column."""


VISIT_PATIENT: Final = Via("visits", "id", "patient_id")
VISIT_CLINIC: Final = Via("visits", "id", "clinic_id")


def by_visit(column: str = "visit_id", *before: Via) -> tuple[Way, Way]:
    """Return the ways to patient and clinic of what belongs to a visit."""
    return (
        Way(column=column, through=(*before, VISIT_PATIENT)),
        Way(column=column, through=(*before, VISIT_CLINIC)),
    )
