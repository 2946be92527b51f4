"""Staff with second factors: an authenticator app that is a few lines, and an administrator."""

from datetime import datetime

import pyotp

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.contract import PersonId
from telehealth.identity import actions as identity
from telehealth.platform.db import UnitOfWork
from tests.support.app_client import AppClient
from tests.support.clinic import InventedClinic, hash_once
from tests.support.clock import FakeClock

STAFF_PASSWORD = "otter lantern by the quay"


class Phone:
    """An authenticator app; its clock is the test's, unless it runs off."""

    def __init__(self, secret: str, clock: FakeClock) -> None:
        self.secret = secret
        self._clock = clock

    def code(self, *, early_s: float = 0) -> str:
        """Return the six figures it shows."""
        return pyotp.TOTP(self.secret).at(self._clock.now().timestamp() + early_s)


async def add_staff(
    uow: UnitOfWork,
    clinic: InventedClinic,
    *,
    now: datetime,
    email: str = "administrator@riverside.example",
    role: Role = Role.ADMINISTRATOR,
    given: str = "Edith",
) -> PersonId:
    """Give the invented clinic one more member of staff, with `STAFF_PASSWORD`."""
    by = Actor.of_job(Job.SETUP, clinic.clinic_id)
    person_id = await identity.add_person(
        uow,
        by=by,
        now=now,
        given=given,
        family="Imagined",
        birth_on=None,
        phone=None,
        medical_record_number=None,
        npi=None,
    )
    await identity.add_account(
        uow,
        by=by,
        now=now,
        person_id=person_id,
        email=email,
        password_hash=hash_once(STAFF_PASSWORD),
        role=role,
    )
    return person_id


async def enrol_app(browser: AppClient, clock: FakeClock) -> Phone:
    """Add an authenticator app to whoever is signed in."""
    offered = await browser.post("/v1/own/app")
    assert offered.status_code == 200, offered.text
    phone = Phone(str(offered.json()["secret"]), clock)
    confirmed = await browser.post("/v1/own/app/confirm", {"code": phone.code()})
    assert confirmed.status_code in {200, 204}, confirmed.text
    return phone
