"""Erases one person: their indexes go here, their keys in `platform.sealing.rotation` after it."""

from datetime import datetime

from telehealth.access.actor import Actor, Job
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import PersonId
from telehealth.identity import repository
from telehealth.identity.errors import PersonUnknown
from telehealth.platform.db import UnitOfWork


async def give_up_person(uow: UnitOfWork, *, by: Actor, now: datetime, person_id: PersonId) -> None:
    """Record that a person is erased and remove what finds them; repeatable.

    The caller destroys the person's keys once this is committed: from then on nothing that was
    sealed for them can be read.  The rows stay, so that the audit trail and visits stay whole.

    Raises:
        NotPermitted: The actor is not the operator's set-up.
        PersonUnknown: No such person in the actor's clinic.
    """
    by.require_job(Job.SETUP)
    person = await repository.unscoped_person(uow.session, person_id)
    if person is None or person.clinic_id != by.clinic_id:
        raise PersonUnknown(person_id=person_id)
    person.medical_record_number_index = person.phone_index = person.email_index = None
    person.given_index = person.family_index = None
    account = await repository.unscoped_account_of(
        uow.session, person_id=person_id, clinic_id=by.clinic_id
    )
    if account is not None:
        account.email_index = None
    await uow.session.flush()
    await audit.record(
        uow,
        by=by,
        now=now,
        event=AuditEvent.PERSON_ERASED,
        patient_id=person_id,
        subject_id=person_id,
    )
