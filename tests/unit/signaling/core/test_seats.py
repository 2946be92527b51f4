"""Where a seat may go: the whole product of states and steps, against the table people read."""

import pytest

from signaling.contract.errors import WrongState
from signaling.contract.ids import ParticipantId, PublicationId
from signaling.contract.messages import ParticipantSeen, PublicationSeen, SeatState, Source
from signaling.core.seats import NEXT, Step, advance
from tests.support.signaling_peers import seat

L, A, LA, AA = SeatState.LOBBY, SeatState.ACTIVE, SeatState.LOBBY_AWAY, SeatState.ACTIVE_AWAY
NO = "cannot happen"
GONE = None

# One line a step; from nobody, lobby, active, lobby_away, active_away.
EXPECTED: dict[Step, tuple[SeatState | str | None, ...]] = {
    Step.ATTACH_LOBBY: (L, L, A, L, A),
    Step.ATTACH_DIRECT: (A, A, A, A, A),
    Step.ADMIT: (NO, A, A, AA, AA),
    Step.RETURN: (NO, L, L, LA, LA),
    Step.SILENT: (NO, LA, AA, NO, NO),
    Step.HEARD: (NO, NO, NO, L, A),
    Step.TIMEOUT: (NO, NO, NO, GONE, GONE),
    Step.LEAVE: (NO, GONE, GONE, GONE, GONE),
    Step.REMOVE: (NO, GONE, GONE, GONE, GONE),
    Step.END: (NO, GONE, GONE, GONE, GONE),
}
FROM: tuple[SeatState | None, ...] = (None, L, A, LA, AA)


def test_the_expectation_covers_every_step() -> None:
    assert set(EXPECTED) == set(Step)
    assert set(FROM) == {None, *SeatState}


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("column", range(len(FROM)))
def test_a_step_leads_where_the_table_says_or_is_refused(step: Step, column: int) -> None:
    expected = EXPECTED[step][column]

    if expected == NO:
        with pytest.raises(WrongState) as refused:
            advance(FROM[column], step)
        assert refused.value.__cause__ is None
    else:
        assert advance(FROM[column], step) is expected


def test_nobody_leaves_the_lobby_for_the_room_but_by_admission_or_direct_entry() -> None:
    inside = {A, AA}
    ways_in = {
        step for (before, step), after in NEXT.items() if before in {L, LA} and after in inside
    }

    assert ways_in == {Step.ADMIT, Step.ATTACH_DIRECT}


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        NEXT[None, Step.ADMIT] = A  # type: ignore[index]


@pytest.mark.parametrize(
    ("state", "is_active", "is_away"),
    [(L, False, False), (A, True, False), (LA, False, True), (AA, True, True)],
)
def test_a_seat_knows_whether_it_is_in_the_room_and_present(
    state: SeatState,
    is_active: bool,  # noqa: FBT001  (a row of the table)
    is_away: bool,  # noqa: FBT001  (a row of the table)
) -> None:
    one = seat("ann", state=state)

    assert (one.is_active, one.is_away) == (is_active, is_away)


@pytest.mark.parametrize("state", SeatState)
@pytest.mark.parametrize("may_admit", [False, True])
def test_a_host_is_one_who_may_admit_and_is_inside(
    state: SeatState,
    may_admit: bool,  # noqa: FBT001  (the product)
) -> None:
    """A provider sent to the lobby must not let themselves, or anyone, in."""
    assert seat("ann", state=state, may_admit=may_admit).is_host is (may_admit and state in {A, AA})


def test_others_see_a_seat_without_what_it_may_do() -> None:
    one = seat("ann", may_admit=True)
    one.is_reconnecting = True

    assert one.seen() == ParticipantSeen(
        participant_id=ParticipantId("ann"),
        role="provider",
        kind="provider",
        state=A,
        is_reconnecting=True,
    )


def test_publications_of_two_seats_are_never_one_list() -> None:
    one, other = seat("ann"), seat("bob")

    one.publications[Source.MIC] = PublicationSeen(
        publication_id=PublicationId("ann.mic"),
        participant_id=ParticipantId("ann"),
        source=Source.MIC,
        is_muted=False,
    )

    assert other.publications == {}


def test_of_a_new_seat_nobody_was_told_anything() -> None:
    one = seat("ann")

    assert (one.has_entered, one.has_joined, one.is_reconnecting) == (False, False, False)
