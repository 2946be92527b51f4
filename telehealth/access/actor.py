"""On whose behalf an action runs.  Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from telehealth.access.errors import NotPermitted
from telehealth.access.roles import Permission, Role, is_permitted
from telehealth.contract import ClinicId, PersonId, VisitId


class Job(StrEnum):
    """A named job of ours that acts without a person."""

    DELIVERY_WORKER = "delivery-worker"
    SIGNALING = "signaling"
    SWEEP = "sweep"
    SETUP = "setup"
    SIGN_IN = "sign-in"
    """The door itself, while nobody has come through it: refused sign-ins and links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person in a role, or a named job; passed as `by=` to every action.

    Exactly one of `person_id` and `job` is set.  `visit_id` narrows a person who came by a visit
    link to that one visit.
    """

    clinic_id: ClinicId
    role: Role | None
    person_id: PersonId | None
    job: Job | None = None
    visit_id: VisitId | None = None

    def __post_init__(self) -> None:
        """Hold the class invariant."""
        if (self.person_id is None) == (self.job is None):
            raise ValueError("an actor is a person or a job")
        if (self.person_id is None) != (self.role is None):
            raise ValueError("a person acts in a role, a job in none")

    @classmethod
    def of_job(cls, job: Job, clinic_id: ClinicId) -> Self:
        """Make the actor of a named job in one clinic."""
        return cls(clinic_id=clinic_id, role=None, person_id=None, job=job)

    def require(self, permission: Permission) -> None:
        """Refuse unless this actor's role holds `permission`.

        Raises:
            NotPermitted: The role does not hold it, or the actor is a job (jobs are let in by
                name where they act, never by permission).
        """
        if self.role is None or not is_permitted(self.role, permission):
            raise NotPermitted(permission=permission, role=self.role)

    def require_job(self, *jobs: Job) -> None:
        """Refuse unless this actor is one of the named jobs."""
        if self.job is None or self.job not in jobs:
            raise NotPermitted(job=self.job)
