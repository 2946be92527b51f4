"""What left about one patient, to whom, when and why; and who looked.  Pure.

Source:
    45 CFR 164.528(b)(2): date, recipient, what was disclosed, purpose.  Disclosures for treatment
    may be left out by law (164.528(a)(1)(i)); they are listed here and marked, since patients ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from telehealth.audit.cards import EntryCard
from telehealth.audit.events import ACTION, DISCLOSED, AuditAction, AuditEvent

YEARS: Final = 6
"""How far back a patient may ask.  Source: 45 CFR 164.528(a)(1)."""
TREATMENT: Final = "treatment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Something about the patient that left the product."""

    at: datetime
    seq: int
    recipient: str
    """Kind of partner: `chart`."""
    what: str
    """Kind of delivery, as the ledger calls it."""
    purpose: str
    visit_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Somebody looked at the patient's data."""

    at: datetime
    seq: int
    event: str
    person_id: UUID | None
    role: str | None
    job: str | None
    visit_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """Both lists, newest first."""

    disclosures: Sequence[Disclosure]
    accesses: Sequence[Access]


def account(entries: Sequence[EntryCard]) -> Accounting:
    """Sort the entries of one patient into what left and who looked."""
    return Accounting(
        disclosures=[_disclosure(each) for each in entries if each.event in DISCLOSED],
        accesses=[_access(each) for each in entries if _is_look(each)],
    )


def _is_look(entry: EntryCard) -> bool:
    known = {event.value: action for event, action in ACTION.items()}
    return known.get(entry.event) is AuditAction.READ


def _disclosure(entry: EntryCard) -> Disclosure:
    return Disclosure(
        at=entry.at,
        seq=entry.seq,
        recipient=DISCLOSED[AuditEvent(entry.event)],
        what=str(entry.known_facts().get("kind", "")),
        purpose=TREATMENT,
        visit_id=entry.visit_id,
    )


def _access(entry: EntryCard) -> Access:
    return Access(
        at=entry.at,
        seq=entry.seq,
        event=entry.event,
        person_id=entry.actor_person_id,
        role=entry.actor_role,
        job=entry.actor_job,
        visit_id=entry.visit_id,
    )
