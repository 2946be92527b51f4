from dataclasses import replace
from uuid import UUID

from telehealth.audit.accounting import account
from telehealth.audit.events import ACTION, DISCLOSED, AuditAction, AuditEvent
from tests.unit.audit.test_fhir import ENTRY


def test_what_left_and_who_looked_are_told_apart() -> None:
    entries = [replace(ENTRY, event=event.value, seq=n) for n, event in enumerate(AuditEvent)]

    made = account(entries)

    assert [AuditEvent(each.event) for each in made.accesses] == [
        event for event in AuditEvent if ACTION[event] is AuditAction.READ
    ]
    assert len(made.disclosures) == len(DISCLOSED)


def test_a_disclosure_says_when_to_whom_what_and_why() -> None:
    entry = replace(ENTRY, event=AuditEvent.CHART_PUSHED.value, facts='{"kind":"chart.note"}')

    (found,) = account([entry]).disclosures

    assert (found.at, found.recipient, found.what) == (ENTRY.at, "chart", "chart.note")
    assert (found.purpose, found.visit_id) == ("treatment", UUID(int=4))


def test_facts_that_are_no_json_hide_nothing() -> None:
    entry = replace(ENTRY, event=AuditEvent.CHART_PUSHED.value, facts="tampered")

    assert account([entry]).disclosures[0].what == ""
