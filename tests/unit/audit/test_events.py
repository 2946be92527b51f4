import ast
import inspect

import pytest

from telehealth.access.actor import Job
from telehealth.access.roles import Role
from telehealth.audit import events
from telehealth.audit.events import ACTION, DISCLOSED, AuditAction, AuditEvent
from telehealth.audit.head_keeper import Trouble
from telehealth.audit.verdict import Standing
from telehealth.web.i18n import LANGUAGES, sentences


def test_every_event_says_what_kind_of_act_it_is() -> None:
    assert set(ACTION) == set(AuditEvent)


def test_looking_is_not_changing() -> None:
    looked_at = {event for event in AuditEvent if event.value.endswith(".viewed")}

    assert {event for event, action in ACTION.items() if action is AuditAction.READ} == looked_at


def test_events_are_named_after_what_they_happen_to() -> None:
    assert all(event.value.count(".") == 1 for event in AuditEvent)


def test_every_event_says_when_it_is_recorded() -> None:
    """`docs/audit-events.md` is made of these sentences."""
    tree = ast.parse(inspect.getsource(events))
    (members,) = (
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "AuditEvent"
    )
    said = [
        isinstance(after, ast.Expr)
        for node, after in zip(members, [*members[1:], None], strict=True)
        if isinstance(node, ast.Assign)
    ]

    assert len(said) == len(AuditEvent)
    assert all(said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_role_and_job_has_a_word_on_the_auditors_page(language: str) -> None:
    known = sentences(language).beginning_with(["auditor."])
    keys = [
        *(f"auditor.event.{event.value}" for event in AuditEvent),
        *(f"auditor.role.{role.value}" for role in Role),
        *(f"auditor.job.{job.value}" for job in Job),
        *(f"auditor.recipient.{recipient}" for recipient in DISCLOSED.values()),
        *(f"auditor.trouble.{trouble.value}" for trouble in Trouble),
        *(f"auditor.verdict.{standing.value}" for standing in Standing),
    ]

    assert [key for key in keys if key not in known] == []
