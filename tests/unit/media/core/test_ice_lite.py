from dataclasses import replace

import pytest

from media.contract.errors import CloseReason
from media.core.ice_lite import (
    CONSENT_CHECK_S,
    FAILED_CHECKS_PER_S,
    TRANSACTIONS_KEPT,
    Ended,
    Liveness,
    Lost,
    PathChanged,
    Recovered,
    SendTo,
    Suspect,
    Verdict,
)
from media.core.stun import read_success
from tests.support.ice_checks import (
    AWAY,
    HOME,
    NEWER,
    OURS,
    THEIRS_NEWER,
    Checks,
    a_machine,
    addr,
    answers,
    checked,
    last_path,
)


def test_the_first_valid_check_is_answered_and_makes_the_path() -> None:
    machine, checks = a_machine(), Checks()

    verdict = machine.on_check(checks.make(), HOME, now=1.0)

    reply, path = machine.take_effects()
    assert verdict is Verdict.ACCEPTED
    assert isinstance(reply, SendTo)
    assert reply.addr == HOME
    assert read_success(reply.data).is_authentic(OURS.password)
    assert path == PathChanged(frozenset({HOME}), HOME)
    assert machine.liveness is Liveness.LIVE


@pytest.mark.parametrize("names", [("wrong", "theirs01"), ("oursABCD", "wrong")], ids=str)
def test_both_halves_of_the_username_must_fit(names: tuple[str, str]) -> None:
    machine, checks = a_machine(), Checks()
    check = replace(checks.make(), local_ufrag=names[0], remote_ufrag=names[1])

    assert machine.on_check(check, HOME, now=1.0) is Verdict.USERNAME
    assert machine.take_effects() == []


def test_a_wrong_password_changes_nothing_and_is_not_answered() -> None:
    machine, checks = a_machine(), Checks()

    assert machine.on_check(checks.make(password="x" * 24), HOME, now=1.0) is Verdict.INTEGRITY
    assert machine.take_effects() == []
    assert machine.liveness is Liveness.NEW


def test_after_twenty_wrong_passwords_in_a_second_only_known_addresses_are_heard() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    for _ in range(FAILED_CHECKS_PER_S):
        machine.on_check(checks.make(password="x" * 24), AWAY, now=0.5)

    assert machine.on_check(checks.make(), AWAY, now=0.9) is Verdict.MUTED
    assert machine.on_check(checks.make(), HOME, now=0.9) is Verdict.ACCEPTED
    assert machine.on_check(checks.make(), AWAY, now=1.6) is Verdict.ACCEPTED


def test_wrong_passwords_of_different_seconds_do_not_add_up() -> None:
    machine, checks = a_machine(), Checks()
    for count in range(FAILED_CHECKS_PER_S):
        machine.on_check(checks.make(password="x" * 24), AWAY, now=count * 0.9)

    assert machine.on_check(checks.make(), AWAY, now=20.0) is Verdict.ACCEPTED


def test_a_client_that_takes_itself_for_the_controlled_side_is_not_answered() -> None:
    machine, checks = a_machine(), Checks()

    verdict = machine.on_check(replace(checks.make(), is_controlled=True), HOME, now=1.0)

    assert verdict is Verdict.ROLE
    assert machine.take_effects() == []


def test_a_captured_check_from_another_address_moves_nothing() -> None:
    machine, checks = a_machine(), Checks()
    machine.on_check(checks.make(transaction=77), HOME, now=1.0)
    machine.take_effects()

    assert machine.on_check(checks.make(transaction=77), AWAY, now=1.1) is Verdict.REPLAYED
    assert machine.take_effects() == []
    assert machine.on_check(checks.make(transaction=77), HOME, now=1.2) is Verdict.ACCEPTED


def test_only_the_last_transactions_are_remembered() -> None:
    machine, checks = a_machine(), Checks()
    for number in range(TRANSACTIONS_KEPT + 1):
        machine.on_check(checks.make(transaction=number), HOME, now=1.0)

    assert machine.on_check(checks.make(transaction=0), AWAY, now=1.1) is Verdict.ACCEPTED
    assert machine.on_check(checks.make(transaction=40), AWAY, now=1.1) is Verdict.REPLAYED


def test_a_second_address_is_heard_but_not_sent_to() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    path = checked(machine, checks, AWAY, now=0.5)

    assert path == PathChanged(frozenset({HOME, AWAY}), HOME)


def test_a_nominating_check_moves_the_path_at_once() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    machine.on_check(checks.make(is_nominating=True), AWAY, now=0.5)

    assert last_path(machine) == PathChanged(frozenset({HOME, AWAY}), AWAY)


def test_a_fresh_check_moves_the_path_once_the_old_one_is_silent() -> None:
    """NAT rebinding: the client does not know that its port has changed."""
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    path = checked(machine, checks, AWAY, now=2.0)

    assert path == PathChanged(frozenset({HOME, AWAY}), AWAY)


def test_media_keeps_the_path_where_it_is() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.on_media(now=1.9)

    path = checked(machine, checks, AWAY, now=2.0)

    assert path == PathChanged(frozenset({HOME, AWAY}), HOME)


def test_at_most_eight_addresses_are_kept_and_never_the_selected_one_goes() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    paths = [checked(machine, checks, addr(number), now=0.1) for number in range(50)]

    assert paths[-1] == PathChanged(frozenset({HOME, *(addr(n) for n in range(43, 50))}), HOME)


def test_the_address_checked_longest_ago_goes_first() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    for number in range(7):
        checked(machine, checks, addr(number), now=0.1)
    checked(machine, checks, addr(0), now=0.2)

    path = checked(machine, checks, AWAY, now=0.3)

    assert path is not None
    assert addr(0) in path.valid
    assert addr(1) not in path.valid


def test_sending_stops_when_nothing_came_for_five_seconds_and_goes_on_with_media() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    machine.on_deadline(now=5.0)
    stopped = last_path(machine)
    machine.on_media(now=5.5)
    resumed = last_path(machine)

    assert stopped == PathChanged(frozenset({HOME}), None)
    assert resumed == PathChanged(frozenset({HOME}), HOME)


def test_consent_ends_thirty_seconds_after_the_last_check_whatever_media_says() -> None:
    """RFC 7675: only a check renews consent."""
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    for second in range(30):
        machine.on_media(now=float(second))

    machine.on_deadline(now=CONSENT_CHECK_S)

    assert last_path(machine) == PathChanged(frozenset(), None)
    machine.on_media(now=CONSENT_CHECK_S + 0.1)
    assert last_path(machine) is None


def test_a_peer_that_carries_media_is_suspect_at_two_seconds_lost_at_three() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.on_media(now=1.0)

    machine.on_deadline(now=2.9)
    quiet = machine.take_effects()
    assert machine.deadline == 3.0
    machine.on_deadline(now=3.0)
    suspected = machine.take_effects()
    assert machine.deadline == 4.0
    machine.on_deadline(now=4.0)
    lost = machine.take_effects()

    assert quiet == []
    assert suspected == [Suspect()]
    assert lost == [Lost()]


def test_the_first_media_brings_the_deadline_forward() -> None:
    """No check may come between the first packet and the silence."""
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    idle = machine.deadline

    machine.on_media(now=0.5)

    assert (idle, machine.deadline) == (5.0, 2.5)


def test_media_told_after_a_later_check_does_not_turn_the_clock_back() -> None:
    machine, checks = a_machine(), Checks()
    machine.on_media(now=0.5)
    checked(machine, checks, HOME, now=1.0)

    machine.on_media(now=0.95)

    assert not machine.was_heard_within(1.0, now=2.0)
    assert machine.was_heard_within(1.0, now=1.99)


def test_a_peer_without_media_speaks_only_by_checks_and_is_given_longer() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    machine.on_deadline(now=4.9)
    assert machine.take_effects() == []
    machine.on_deadline(now=6.0)
    assert Suspect() in machine.take_effects()
    machine.on_deadline(now=9.0)
    assert machine.take_effects() == [Lost()]


def test_a_lost_peer_that_is_heard_again_has_recovered() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.on_deadline(now=9.0)
    machine.take_effects()

    machine.on_check(checks.make(), HOME, now=9.5)

    assert Recovered() in machine.take_effects()
    assert machine.liveness is Liveness.LIVE


def test_a_suspect_that_is_heard_again_is_simply_live() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.on_deadline(now=6.0)
    machine.take_effects()

    machine.on_media(now=6.5)

    assert machine.liveness is Liveness.LIVE
    assert Recovered() not in machine.take_effects()


def test_a_peer_lost_for_thirty_seconds_ends() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.on_deadline(now=9.0)
    machine.on_deadline(now=30.0)
    machine.take_effects()

    machine.on_deadline(now=39.0)

    assert machine.take_effects() == [Ended(CloseReason.PATH_LOST)]
    assert machine.on_check(checks.make(), HOME, now=39.1) is Verdict.USERNAME
    machine.on_media(now=39.2)
    assert machine.liveness is Liveness.ENDED


def test_a_peer_nobody_checks_ends_at_the_connect_limit() -> None:
    machine = a_machine(now=100.0)

    machine.on_deadline(now=114.9)
    assert machine.take_effects() == []
    assert machine.deadline == 115.0
    machine.on_deadline(now=115.0)

    assert machine.take_effects() == [Ended(CloseReason.CONNECT_TIMEOUT)]


def test_an_ended_machine_has_no_deadline_left_in_the_end() -> None:
    machine = a_machine()

    machine.on_deadline(now=1_000.0)

    assert machine.deadline == float("inf")


def test_a_restart_keeps_the_path_until_the_new_generation_is_checked() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.restart(NEWER, THEIRS_NEWER, now=1.0)

    assert machine.ufrags == {OURS.ufrag, NEWER.ufrag}
    assert (machine.ours, machine.theirs_ufrag) == (NEWER, THEIRS_NEWER)
    assert checked(machine, checks, HOME, now=1.1) is None

    machine.on_check(checks.make(ours=NEWER, theirs=THEIRS_NEWER), AWAY, now=1.2)

    assert last_path(machine) == PathChanged(frozenset({HOME, AWAY}), AWAY)
    assert machine.ufrags == {NEWER.ufrag}
    assert machine.on_check(checks.make(), HOME, now=1.3) is Verdict.USERNAME


def test_addresses_of_the_old_generation_may_send_for_five_seconds_more() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.restart(NEWER, THEIRS_NEWER, now=1.0)
    machine.on_check(checks.make(ours=NEWER, theirs=THEIRS_NEWER), AWAY, now=2.0)
    machine.take_effects()
    machine.on_media(now=6.9)

    machine.on_deadline(now=6.9)
    assert last_path(machine) is None
    assert machine.deadline == 7.0
    machine.on_deadline(now=7.0)

    assert last_path(machine) == PathChanged(frozenset({AWAY}), AWAY)


def test_an_address_checked_in_the_new_generation_outlives_the_old_one() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    machine.restart(NEWER, THEIRS_NEWER, now=1.0)
    machine.on_check(checks.make(ours=NEWER, theirs=THEIRS_NEWER), HOME, now=1.5)
    machine.on_media(now=6.0)
    machine.take_effects()

    machine.on_deadline(now=6.6)

    assert last_path(machine) is None


def test_a_second_restart_ends_the_oldest_generation() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)
    third = replace(NEWER, ufrag="thirdABC")
    machine.restart(NEWER, THEIRS_NEWER, now=1.0)
    machine.restart(third, "theirs03", now=1.5)
    machine.restart(replace(NEWER, ufrag="fourthAB"), "theirs04", now=2.0)

    assert machine.ufrags == {"thirdABC", "fourthAB"}
    assert machine.on_check(checks.make(), HOME, now=2.1) is Verdict.USERNAME
    machine.on_check(checks.make(ours=third, theirs="theirs03"), AWAY, now=2.2)
    assert last_path(machine) == PathChanged(frozenset({HOME, AWAY}), AWAY)


def test_an_address_given_up_is_neither_heard_nor_sent_to() -> None:
    machine, checks = a_machine(), Checks()
    checked(machine, checks, HOME, now=0.0)

    machine.forget(HOME, now=0.5)

    assert last_path(machine) == PathChanged(frozenset(), None)
    assert checked(machine, checks, AWAY, now=0.6) == PathChanged(frozenset({AWAY}), AWAY)


def test_a_peer_holds_its_addresses_while_it_is_heard() -> None:
    machine, checks = a_machine(), Checks()

    assert not machine.was_heard_within(5.0, now=0.0)
    checked(machine, checks, HOME, now=1.0)
    assert machine.was_heard_within(5.0, now=5.9)
    assert not machine.was_heard_within(5.0, now=6.0)


def test_every_accepted_check_is_answered_where_it_came_from() -> None:
    machine, checks = a_machine(), Checks()

    for where in (HOME, AWAY, HOME):
        machine.on_check(checks.make(), where, now=0.1)

    assert answers(machine) == [HOME, AWAY, HOME]
