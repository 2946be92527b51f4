"""Notices from the act that owes them to the simulated message service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from telehealth.access.roles import Role
from telehealth.day_review.actions import sweep as review_days
from telehealth.delivery.lanes import Lane
from telehealth.delivery.tables import LedgerEntry
from telehealth.messaging.actions import NoticeDeliverer
from telehealth.messaging.policy import Channel
from telehealth.messaging.ports import MessageChannel
from telehealth.platform.db import Database
from telehealth.visits.actions import booking
from tests.support.clinic import InventedClinic, invent_clinic
from tests.support.clock import FakeClock
from tests.support.ledger import runner_for
from tests.support.message_sink import RunningSink, message_sink
from tests.support.sealed_rows import change_person
from tests.support.two_clinics import add_member

ORIGIN = "https://visits.example.org"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A clinic whose patient has a telephone, its ledger, and the clock."""

    database: Database
    clinic: InventedClinic
    clock: FakeClock

    async def book(self) -> str:
        """Book a visit and return its link's secret."""
        async with self.database.unit_of_work() as uow:
            booked = await booking.book(
                uow,
                by=self.clinic.actor(Role.SCHEDULER),
                now=self.clock.now(),
                patient_id=self.clinic.patient_id,
                provider_id=self.clinic.provider_id,
                starts_at=self.clock.now() + timedelta(hours=2),
                ends_at=self.clock.now() + timedelta(hours=2, minutes=20),
            )
        return booked.link_secret

    async def deliver(self, channels: dict[Channel, MessageChannel], times: int = 1) -> None:
        """Let the worker deliver, then let a minute pass, as often as said."""
        deliverer = NoticeDeliverer(
            channels, database=self.database, clock=self.clock, public_origin=ORIGIN
        )
        runner = runner_for(self.database, deliverer, self.clock, lane=Lane.NOTICE)
        for _ in range(times):
            await runner.run_until_quiet()
            self.clock.advance(minutes=1)
        await deliverer.close()

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Look behind the product's back."""
        async with self.database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement))]

    async def change_patient(self, **changes: object) -> None:
        """Change how the patient is reached, behind the product's back."""
        await change_person(self.database, self.clinic.patient_id, **changes)


@pytest.fixture
async def desk(database: Database) -> Desk:
    clock = FakeClock()
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=clock.now())
    made = Desk(database=database, clinic=clinic, clock=clock)
    await made.change_patient(phone="+1 312-555-0101")
    return made


@pytest.fixture
async def sink() -> AsyncIterator[RunningSink]:
    async with message_sink() as running:
        yield running


async def test_booking_sends_the_link_and_forgets_it(desk: Desk, sink: RunningSink) -> None:
    secret = await desk.book()

    await desk.deliver(sink.channels())

    (taken,) = (await sink.messages())["texts"]
    assert taken["to"] == "+13125550101"
    assert taken["body"] == (
        f"Riverside: your video visit is 3/4 11:00 AM CST. {ORIGIN}/v/{secret}"
        " Help 555-0100. Reply STOP to opt out."
    )
    assert await desk.rows("SELECT secret FROM outgoing_secrets") == [(None,)]
    assert await desk.rows("SELECT state, channel FROM notices") == [("sent", "text")]
    events = [event for (event,) in await desk.rows("SELECT event FROM audit_entries ORDER BY seq")]
    assert events[-1] == "notice.sent"


async def test_an_auditor_is_led_to_the_daily_report_and_told_nothing_of_it(
    desk: Desk, sink: RunningSink
) -> None:
    async with desk.database.unit_of_work() as uow:
        auditor_id = await add_member(uow, desk.clinic, Role.AUDITOR, desk.clock.now())
    desk.clock.advance(hours=24)
    async with desk.database.unit_of_work() as uow:
        await review_days(uow, now=desk.clock.now())

    await desk.deliver(sink.channels())

    [(report_id,)] = await desk.rows("SELECT id FROM day_reports")
    (taken,) = (await sink.messages())["mails"]
    assert taken["to"] == f"{auditor_id}@nowhere.example"
    assert taken["text"] == (
        "Riverside: the daily report of the audit trail is ready to read:"
        f" {ORIGIN}/auditor#{str(report_id)[-8:]}"
    )
    assert await desk.rows("SELECT template, state FROM notices") == [("day_report", "sent")]


async def test_the_ledger_holds_neither_link_nor_number(desk: Desk, sink: RunningSink) -> None:
    """What is owed is kept for ever, so nothing that opens a visit may stand in it."""
    secret = await desk.book()
    await desk.deliver(sink.channels())

    async with desk.database.reading() as session:
        payloads = [entry.payload for entry in await session.scalars(select(LedgerEntry))]
    assert any("secret_id" in str(payload) for payload in payloads), "payloads are opened"
    entries = str(await desk.rows("SELECT * FROM ledger_entry")) + str(payloads)
    tried = str(await desk.rows("SELECT * FROM delivery_attempt"))

    assert secret not in entries + tried
    assert "312-555-0101" not in entries + tried
    assert "+13125550101" not in entries + tried


@pytest.mark.parametrize("fault", ["lost", "wrong"])
async def test_a_lost_answer_never_makes_a_second_text(desk: Desk, fault: str) -> None:
    """The service is asked what was sent to the number before anything is sent again."""
    async with message_sink(f"1:{fault}@1") as sink:
        await desk.book()
        await desk.deliver(sink.channels(), times=5)

        assert len((await sink.messages())["texts"]) == 1
    assert await desk.rows("SELECT state FROM ledger_entry WHERE lane = 'notice'") == [
        ("confirmed",)
    ]
    assert await desk.rows("SELECT secret FROM outgoing_secrets") == [(None,)]


async def test_an_outage_delays_and_loses_nothing(desk: Desk) -> None:
    async with message_sink("1:outage@1") as sink:
        await desk.book()
        await desk.deliver(sink.channels(), times=20)

        assert len((await sink.messages())["texts"]) == 1


async def test_without_a_number_an_e_mail_goes_in_the_persons_language(
    desk: Desk, sink: RunningSink
) -> None:
    await desk.change_patient(phone=None, email="ada@home.example", language="es")
    secret = await desk.book()

    await desk.deliver(sink.channels())

    (mail,) = (await sink.messages())["mails"]
    assert (mail["to"], mail["subject"]) == ("ada@home.example", "Riverside: su cita")
    assert f"{ORIGIN}/v/{secret}" in mail["text"]


async def test_a_number_nobody_can_text_waits_for_a_person(desk: Desk, sink: RunningSink) -> None:
    await desk.change_patient(phone="555-0101")
    await desk.book()

    await desk.deliver(sink.channels())

    owed = await desk.rows("SELECT state, last_code FROM ledger_entry WHERE lane = 'notice'")
    assert owed == [("parked", "no_address")]


async def test_without_any_contact_nothing_is_owed(desk: Desk) -> None:
    await desk.change_patient(phone=None)
    await desk.book()

    assert await desk.rows("SELECT 1 FROM ledger_entry WHERE lane = 'notice'") == []


async def test_an_installation_without_channels_says_so(desk: Desk) -> None:
    await desk.book()
    await desk.deliver({})

    assert await desk.rows("SELECT state FROM notices") == [("no_channel",)]
    assert await desk.rows("SELECT secret FROM outgoing_secrets") == [(None,)]


async def test_what_is_over_before_it_could_leave_is_not_sent(
    desk: Desk, sink: RunningSink
) -> None:
    await desk.book()
    desk.clock.advance(hours=3)
    await desk.deliver(sink.channels(), times=3)

    assert (await sink.messages())["texts"] == []


async def test_a_refused_sign_in_is_tried_again_and_sends_nothing_twice(
    desk: Desk, sink: RunningSink
) -> None:
    await desk.book()
    await desk.deliver({Channel.TEXT: sink.texts(token="wrong")}, times=2)
    await desk.deliver(sink.channels(), times=3)

    assert len((await sink.messages())["texts"]) == 1


async def test_a_replaced_link_is_sent_too(desk: Desk, sink: RunningSink) -> None:
    await desk.book()
    (visit_id,) = (await desk.rows("SELECT id FROM visits"))[0]
    async with desk.database.unit_of_work() as uow:
        secret = await booking.replace_link(
            uow,
            by=desk.clinic.actor(Role.SCHEDULER),
            now=desk.clock.now(),
            visit_id=UUID(str(visit_id)),
        )

    await desk.deliver(sink.channels())

    bodies = [each["body"] for each in (await sink.messages())["texts"]]
    assert len(bodies) == 2
    assert secret in bodies[-1]
    assert "The old one no longer works" in bodies[-1]
