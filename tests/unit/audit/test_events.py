from telehealth.audit.events import ACTION, AuditAction, AuditEvent


def test_every_event_says_what_kind_of_act_it_is() -> None:
    assert set(ACTION) == set(AuditEvent)


def test_looking_is_not_changing() -> None:
    looked_at = {event for event in AuditEvent if event.value.endswith(".viewed")}

    assert {event for event, action in ACTION.items() if action is AuditAction.READ} == looked_at


def test_events_are_named_after_what_they_happen_to() -> None:
    assert all(event.value.count(".") == 1 for event in AuditEvent)
