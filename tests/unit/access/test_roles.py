"""The table of who may do what, over the whole product of roles and acts."""

import pytest

from telehealth.access.roles import HELD_BY, SENTENCE, Permission, Role, is_permitted


def test_every_act_has_its_sentence() -> None:
    assert set(SENTENCE) == set(Permission)
    assert all(sentence.endswith(".") for sentence in SENTENCE.values())


def test_every_role_is_listed() -> None:
    assert set(HELD_BY) == set(Role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_role_may_what_is_listed_and_nothing_else(role: Role, permission: Permission) -> None:
    assert is_permitted(role, permission) is (permission in HELD_BY[role])


def test_every_act_can_be_done_by_somebody() -> None:
    assert set().union(*HELD_BY.values()) == set(Permission)


def test_an_administrator_reads_no_note_and_sees_no_queue() -> None:
    clinical = {Permission.WRITE_NOTE, Permission.CONDUCT_VISIT, Permission.SEE_CONSULT_QUEUE}

    assert not clinical & HELD_BY[Role.ADMINISTRATOR]


def test_a_guest_may_wait_and_join_and_nothing_else() -> None:
    assert HELD_BY[Role.GUEST] == {Permission.ATTEND_AS_GUEST}
