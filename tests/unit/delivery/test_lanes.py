"""Which event owes what, under which key, in which order."""

from typing import Any
from uuid import UUID

import pytest

from telehealth.delivery.lanes import (
    PARTNER,
    POLICY,
    EntryKind,
    Lane,
    OwedEvent,
    WhenUnknown,
    entries_owed,
)

CLINIC, VISIT, SEAT = UUID(int=1), UUID(int=2), UUID(int=3)
NOTICES = {OwedEvent.LINK_TO_SEND: "notice.link", OwedEvent.CODE_TO_SEND: "notice.code"}
TO_AUDITORS = {
    OwedEvent.BREAK_GLASS_OPENED: "break_glass",
    OwedEvent.DAY_REPORT_MADE: "day_report",
}
OTHERS = {OwedEvent.VISIT_COMPLETED, *TO_AUDITORS, *NOTICES}
ROOM_EVENTS = [event for event in OwedEvent if event not in OTHERS]


def completed(**changed: Any) -> dict[str, Any]:
    return {
        "visit_id": str(VISIT),
        "appointment_id": str(UUID(int=9)),
        "patient": {"medical_record_number": "DEMO-0001", "given": "Rosa", "family": "Samplewood"},
        "provider": {"npi": None, "given": "Dana", "family": "Exemplar"},
        "started_at": "2030-03-04T15:00:00Z",
        "ended_at": "2030-03-04T15:20:00Z",
        "note": {"version": 3, "text": "Well.", "signed_at": "2030-03-04T15:25:00Z"},
        **changed,
    }


@pytest.mark.parametrize("event", ROOM_EVENTS)
def test_a_room_event_owes_one_command_in_its_rooms_order(event: OwedEvent) -> None:
    facts = {"visit_id": str(VISIT), "participant_id": str(SEAT), "version": "7"}

    [owed] = entries_owed(event, clinic_id=CLINIC, subject_id=VISIT, version=7, facts=facts)

    assert owed.lane is Lane.ROOM
    assert owed.key == f"{VISIT}.7.{SEAT}"
    assert owed.order_key == str(VISIT)
    assert owed.payload == facts


def test_every_room_event_is_a_command_of_its_own() -> None:
    kinds = {
        entries_owed(event, clinic_id=CLINIC, subject_id=VISIT, version=1, facts={})[0].kind
        for event in ROOM_EVENTS
    }

    assert len(kinds) == len(ROOM_EVENTS)


def test_a_room_command_for_everybody_names_no_seat_in_its_key() -> None:
    facts = {"visit_id": str(VISIT), "participant_id": None, "version": "7"}

    [owed] = entries_owed(
        OwedEvent.VISIT_ENDED, clinic_id=CLINIC, subject_id=VISIT, version=7, facts=facts
    )

    assert owed.key == f"{VISIT}.7.-"


@pytest.mark.parametrize(("event", "template"), TO_AUDITORS.items())
def test_what_an_auditor_must_look_at_owes_a_notice_that_names_nobody(
    event: OwedEvent, template: str
) -> None:
    subject, auditor = UUID(int=5), UUID(int=6)
    facts = {"template": template, "person_id": str(auditor)}

    [owed] = entries_owed(event, clinic_id=CLINIC, subject_id=subject, version=1, facts=facts)

    assert (owed.lane, owed.kind) == (Lane.NOTICE, EntryKind(f"notice.{template}"))
    assert owed.key == f"{subject}.{auditor}"
    assert owed.payload == facts


def test_a_completed_visit_owes_its_encounter_then_its_note() -> None:
    encounter, note = entries_owed(
        OwedEvent.VISIT_COMPLETED, clinic_id=CLINIC, subject_id=VISIT, version=9, facts=completed()
    )

    assert (encounter.kind, encounter.key) == (EntryKind.CHART_ENCOUNTER, str(VISIT))
    assert (note.kind, note.key) == (EntryKind.CHART_NOTE, f"{VISIT}.note.3")
    assert encounter.order_key == note.order_key


def test_the_encounters_payload_holds_no_note() -> None:
    """An Encounter needs no clinical text, so it does not carry any."""
    encounter, note = entries_owed(
        OwedEvent.VISIT_COMPLETED, clinic_id=CLINIC, subject_id=VISIT, version=9, facts=completed()
    )

    assert "note" not in encounter.payload
    assert note.payload["note"] == completed()["note"]


def test_a_visit_without_a_note_owes_its_encounter_only() -> None:
    owed = entries_owed(
        OwedEvent.VISIT_COMPLETED,
        clinic_id=CLINIC,
        subject_id=VISIT,
        version=9,
        facts=completed(note=None),
    )

    assert [one.kind for one in owed] == [EntryKind.CHART_ENCOUNTER]


def test_two_visits_of_one_patient_keep_one_charts_order_without_showing_its_number() -> None:
    keys = {
        entries_owed(
            OwedEvent.VISIT_COMPLETED,
            clinic_id=CLINIC,
            subject_id=UUID(int=visit),
            version=9,
            facts=completed(),
        )[0].order_key
        for visit in (20, 21)
    }

    assert len(keys) == 1
    assert "DEMO" not in keys.pop()


@pytest.mark.parametrize("patient", [None, {"medical_record_number": None}, {}])
def test_a_patient_without_a_number_is_ordered_by_visit(patient: object) -> None:
    owed = entries_owed(
        OwedEvent.VISIT_COMPLETED,
        clinic_id=CLINIC,
        subject_id=VISIT,
        version=9,
        facts=completed(patient=patient),
    )

    assert {one.order_key for one in owed} == {str(VISIT)}


def test_the_same_number_in_another_clinic_is_another_chart() -> None:
    keys = {
        entries_owed(
            OwedEvent.VISIT_COMPLETED,
            clinic_id=UUID(int=clinic),
            subject_id=VISIT,
            version=9,
            facts=completed(),
        )[0].order_key
        for clinic in (1, 2)
    }

    assert len(keys) == 2


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_has_a_policy(kind: EntryKind) -> None:
    """A kind without a row would be tried for ever, or never."""
    assert POLICY[kind].try_for > POLICY[kind].alert_after


@pytest.mark.parametrize("kind", EntryKind)
def test_only_rooms_drop_repeats(kind: EntryKind) -> None:
    is_room = kind.value.startswith("room.")

    assert (POLICY[kind].when_unknown is WhenUnknown.REPEAT) is is_room


def test_every_lane_has_a_partner() -> None:
    assert set(PARTNER) == set(Lane)


@pytest.mark.parametrize(("event", "kind"), NOTICES.items())
def test_a_notice_is_owed_once_for_its_secret_in_the_order_of_its_person(
    event: OwedEvent, kind: str
) -> None:
    facts = {"template": "booked", "person_id": str(UUID(int=7)), "secret_id": str(UUID(int=8))}
    (owed,) = entries_owed(event, clinic_id=CLINIC, subject_id=VISIT, version=0, facts=facts)

    assert (owed.lane, owed.kind.value) == (Lane.NOTICE, kind)
    assert owed.key == str(UUID(int=8))
    assert owed.order_key == str(UUID(int=7))
    assert owed.payload == facts
