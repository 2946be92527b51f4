"""Somebody stands behind every act: a person in a role, or a named job."""

from uuid import UUID

import pytest

from telehealth.access.actor import Actor, Job
from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Permission, Role
from telehealth.contract import ClinicId, PersonId

CLINIC, PERSON = ClinicId(UUID(int=1)), PersonId(UUID(int=2))


@pytest.mark.parametrize("role", [Role.PROVIDER, None])
@pytest.mark.parametrize("person_id", [PERSON, None])
@pytest.mark.parametrize("job", [Job.SWEEP, None])
def test_an_actor_is_a_person_in_a_role_or_a_job_in_none(
    role: Role | None, person_id: PersonId | None, job: Job | None
) -> None:
    is_person = person_id is not None and role is not None and job is None
    is_job = person_id is None and role is None and job is not None

    if is_person or is_job:
        made = Actor(clinic_id=CLINIC, role=role, person_id=person_id, job=job)
        assert (made.person_id, made.job) == (person_id, job)
    else:
        with pytest.raises(ValueError, match="a job"):
            Actor(clinic_id=CLINIC, role=role, person_id=person_id, job=job)


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("permission", Permission)
def test_no_job_holds_a_permission(job: Job, permission: Permission) -> None:
    """Jobs are let in by name where they act."""
    with pytest.raises(NotPermitted):
        Actor.of_job(job, CLINIC).require(permission)


def test_a_role_is_let_in_by_its_permission_alone() -> None:
    provider = Actor(clinic_id=CLINIC, role=Role.PROVIDER, person_id=PERSON)

    provider.require(Permission.WRITE_NOTE)
    with pytest.raises(NotPermitted):
        provider.require(Permission.BOOK_VISIT)


def test_a_job_is_let_in_by_its_name_alone() -> None:
    Actor.of_job(Job.SIGNALING, CLINIC).require_job(Job.SWEEP, Job.SIGNALING)

    with pytest.raises(NotPermitted):
        Actor.of_job(Job.SIGNALING, CLINIC).require_job(Job.SWEEP)
    with pytest.raises(NotPermitted):
        Actor(clinic_id=CLINIC, role=Role.PROVIDER, person_id=PERSON).require_job(Job.SWEEP)
