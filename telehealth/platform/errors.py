"""The root of every refusal, and what a refusal may carry."""

from enum import StrEnum
from typing import ClassVar, LiteralString, TypeAlias
from uuid import UUID

Loggable: TypeAlias = UUID | StrEnum | int | float | None
"""Ids, enums and numbers.  Excludes `str`, so a name or a symptom cannot ride along."""


class TelehealthError(Exception):
    """A refusal with a stable code; the catalogues hold `public_message` in other languages."""

    code: ClassVar[LiteralString]
    public_message: ClassVar[LiteralString]
    told_fields: ClassVar[frozenset[str]] = frozenset()
    """Names of the fields below that the person refused may know; all others are for the log."""

    def __init__(self, **log_fields: Loggable) -> None:
        super().__init__(self.code)
        self.log_fields = log_fields
