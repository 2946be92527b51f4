"""Whether the database itself refuses to change the audit trail to whom we connect as.

A composition root asks `weaknesses` at its start; in production it refuses to start on any.
"""

from collections.abc import Sequence
from enum import StrEnum

from telehealth.audit import repository
from telehealth.platform.db import Database


class Weakness(StrEnum):
    """A way in which the connected role could change entries."""

    TRIGGER_MISSING = "trigger_missing"
    """A trigger that refuses change is gone or switched off."""
    MAY_CHANGE = "may_change"
    """The role holds UPDATE, DELETE or TRUNCATE."""
    MAY_DISARM = "may_disarm"
    """The role owns the table or is superuser: it could take the triggers away."""


class AuditTrailUnguarded(Exception):
    """The database would let the connected role change the audit trail; says how."""

    def __init__(self, weaknesses: Sequence[Weakness]) -> None:
        named = ", ".join(weaknesses)
        super().__init__(f"the audit trail is not guarded in the database: {named}")
        self.weaknesses = weaknesses


async def weaknesses(database: Database) -> Sequence[Weakness]:
    """Say how the connected role could change entries; nothing: it cannot.

    SQLite has no roles: whoever may write the file may do anything to it, so only its triggers
    are looked at.
    """
    async with database.reading() as session:
        found = await repository.unscoped_guards(session)
    named = {
        Weakness.TRIGGER_MISSING: not found.has_triggers,
        Weakness.MAY_CHANGE: found.may_change,
        Weakness.MAY_DISARM: found.may_disarm,
    }
    return [weakness for weakness, is_so in named.items() if is_so]


async def refuse_unguarded(database: Database) -> None:
    """Refuse to start where entries could be changed.

    Raises:
        AuditTrailUnguarded: They could.
    """
    if found := await weaknesses(database):
        raise AuditTrailUnguarded(found)
