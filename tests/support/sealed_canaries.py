"""A canary in every sealed column, and the forms and digests in which one might turn up."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import date
from urllib.parse import quote
from uuid import UUID, uuid4

from telehealth.access.actor import Actor, Job
from telehealth.break_glass.tables import OpenedRecord
from telehealth.charting.tables import NoteVersion
from telehealth.identity import actions as identity
from telehealth.identity.factors.tables import AuthenticatorApp
from telehealth.identity.tables import OutgoingSecret, Person
from telehealth.platform.db import Database
from telehealth.privacy.corrections import CorrectionState
from telehealth.privacy.tables import CorrectionRequest
from telehealth.waiting_room.tables import QueueEntry
from tests.support.clock import MORNING, FakeClock
from tests.support.ledger import owe_chart
from tests.support.sealed_rows import account, add_clinic

PEOPLE = 20


WORDS = {
    "given": "people.given",
    "family": "people.family",
    "phone": "people.phone",
    "contact": "people.email",
    "mrn": "people.medical_record_number",
    "born": "people.birth_on",
    "email": "accounts.email",
    "note": "note_versions.text",
    "state": "queue_entries.place_state",
    "address": "queue_entries.place_address",
    "callback": "queue_entries.call_back_number",
    "chart": "ledger_entry.payload",
    "said": "correction_requests.said",
    "answer": "correction_requests.answer",
    "reason": "opened_records.reason",
    "link": "outgoing_secrets.secret",
    "app": "authenticator_apps.secret",
    "newapp": "authenticator_apps.waiting_secret",
}
"""What a canary is called, and the sealed column it lies in: one for every column there is."""


def canaries() -> dict[str, str]:
    """Return values nobody else would write, one a sealed column for each of some people."""
    return {
        f"{kind}-{number}": f"18{number + 10}-07-19"
        if kind == "born"
        else f"cnry{kind}{number:03}zq"
        for number in range(PEOPLE)
        for kind in WORDS
    }


def forms(value: str) -> Iterator[bytes]:
    """Yield the forms in which a value might lie in a file."""
    raw = value.encode()
    for each in (raw, raw.upper(), raw.title()):
        yield each
        yield each.hex().encode()
        yield each.hex().upper().encode()
        yield quote(each).encode()
        for shift in range(3):
            # The middle of the base64 of the value, wherever in a text it began.
            padded = base64.b64encode(b"\0" * shift + each)
            yield padded[4:-4]
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    yield value.encode("utf-16-le")


def digests(value: str) -> Iterator[bytes]:
    """Yield the plain digests of a value, as bytes and as texts."""
    for name in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(name, value.encode(), usedforsecurity=False).digest()
        yield digest
        yield digest.hex().encode()
        yield base64.b64encode(digest)
        yield base64.urlsafe_b64encode(digest).rstrip(b"=")


async def write_canaries(database: Database, told: dict[str, str]) -> None:
    by = Actor.of_job(Job.SETUP, await add_clinic(database))
    for number in range(PEOPLE):
        async with database.unit_of_work() as uow:
            person_id = await identity.add_person(
                uow,
                by=by,
                now=MORNING,
                given=told[f"given-{number}"],
                family=told[f"family-{number}"],
                birth_on=date.fromisoformat(told[f"born-{number}"]),
                phone=told[f"phone-{number}"],
                medical_record_number=told[f"mrn-{number}"],
                npi=None,
            )
            visit_id = uuid4()
            uow.session.add(
                NoteVersion(
                    visit_id=visit_id,
                    version=1,
                    clinic_id=by.clinic_id,
                    patient_id=person_id,
                    author_id=uuid4(),
                    text=told[f"note-{number}"],
                    saved_at=MORNING,
                )
            )
            uow.session.add(
                QueueEntry(
                    visit_id=visit_id,
                    clinic_id=by.clinic_id,
                    patient_id=person_id,
                    provider_id=uuid4(),
                    place_state=told[f"state-{number}"],
                    place_address=told[f"address-{number}"],
                    call_back_number=told[f"callback-{number}"],
                    arrived_at=MORNING,
                )
            )
        await owe_chart(
            database,
            FakeClock(),
            visit_id,
            clinic_id=by.clinic_id,
            note={
                "version": 1,
                "text": told[f"chart-{number}"],
                "signed_at": "2030-03-04T15:25:00Z",
            },
        )
        await write_rare_canaries(database, told, by, person_id, number)


async def write_rare_canaries(
    database: Database, told: dict[str, str], by: Actor, person_id: UUID, number: int
) -> None:
    """Fill the sealed columns that few rows have."""
    whose = {"clinic_id": by.clinic_id, "person_id": person_id}
    async with database.unit_of_work() as uow:
        known = await uow.session.get(Person, person_id)
        assert known is not None
        known.email = told[f"contact-{number}"]
        uow.session.add(login := account(by.clinic_id, person_id, told[f"email-{number}"]))
        await uow.session.flush()
        uow.session.add_all(
            [
                AuthenticatorApp(
                    **whose,
                    id=uuid4(),
                    account_id=login.id,
                    secret=told[f"app-{number}"],
                    waiting_secret=told[f"newapp-{number}"],
                ),
                OutgoingSecret(
                    **whose,
                    id=uuid4(),
                    secret=told[f"link-{number}"],
                    made_at=MORNING,
                    expires_at=MORNING,
                ),
                OpenedRecord(
                    **whose,
                    id=uuid4(),
                    patient_id=uuid4(),
                    session_id=uuid4(),
                    reason=told[f"reason-{number}"],
                    opened_at=MORNING,
                    ends_at=MORNING,
                    reads=0,
                ),
                CorrectionRequest(
                    id=uuid4(),
                    clinic_id=by.clinic_id,
                    patient_id=person_id,
                    said=told[f"said-{number}"],
                    asked_at=MORNING,
                    due_on=MORNING.date(),
                    state=CorrectionState.ACCEPTED,
                    answer=told[f"answer-{number}"],
                    answered_at=MORNING,
                    answered_by=uuid4(),
                ),
            ]
        )
