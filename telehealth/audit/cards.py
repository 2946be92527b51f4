"""One entry as others may know it.  Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

Fact: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCard:
    """One entry of one clinic's chain, as it is stored."""

    id: UUID
    clinic_id: UUID
    seq: int
    at: datetime
    event: str
    """A value of `AuditEvent`; a text, for an older release may have written another."""
    actor_person_id: UUID | None
    actor_role: str | None
    actor_job: str | None
    visit_id: UUID | None
    patient_id: UUID | None
    subject_id: UUID | None
    facts: str
    """Canonical JSON object."""
    previous: bytes
    seal: bytes

    def known_facts(self) -> Mapping[str, Fact]:
        """Return the facts; none if the text was tampered with until it was no object."""
        try:
            found = json.loads(self.facts)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
