"""A chain checked in stretches gives the report of a chain checked in one piece."""

from hypothesis import given
from hypothesis import strategies as st

from telehealth.audit.chain import NO_PREVIOUS, ChainReport, Sealed, check_chain
from telehealth.audit.stretches import FollowedStretch, Stretch, joined, seals_of, stretches
from tests.properties.audit.test_chain import chain_of

BODIES = st.lists(st.binary(max_size=8), min_size=1, max_size=30)


def followed(stored: list[Sealed], stretch: Stretch) -> FollowedStretch:
    """Follow one stretch as a process does that sees only what is stored."""
    before = {entry.seq: entry.seal for entry in stored}
    previous = before.get(stretch.after_seq) if stretch.after_seq else NO_PREVIOUS
    if previous is None or len(previous) != len(NO_PREVIOUS):
        lost = ChainReport(entries=0, first_broken=stretch.after_seq + 1)
        return FollowedStretch(previous, lost, b"")
    within = [entry for entry in stored if stretch.after_seq < entry.seq <= stretch.to_seq]
    report = check_chain(within, after_seq=stretch.after_seq, previous=previous)
    if report.first_broken is None and stretch.after_seq + report.entries < stretch.to_seq:
        missing = stretch.after_seq + report.entries + 1
        report = ChainReport(entries=report.entries, first_broken=missing, head=report.head)
    whole = b"".join(entry.seal for entry in within[: report.entries])
    return FollowedStretch(previous, report, whole)


def in_stretches(stored: list[Sealed], *, to_seq: int, length: int) -> ChainReport:
    """Follow all stretches first, as processes may, and then join them in order."""
    report = ChainReport(entries=0, first_broken=None, head=NO_PREVIOUS)
    parts = list(stretches(after_seq=0, to_seq=to_seq, length=length))
    for stretch, part in [(each, followed(stored, each)) for each in parts]:
        report = joined(report, stretch, part)
        if report.first_broken is not None:
            break
    return report


def altered(data: st.DataObject, entries: list[Sealed]) -> list[Sealed]:
    """Do what a database administrator can, up to three times."""
    stored = list(entries)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(stored) - 1))
        kept = stored[at]
        other = data.draw(st.sampled_from(entries))
        stored[at] = data.draw(
            st.sampled_from(
                [
                    kept._replace(body=kept.body + b" "),
                    kept._replace(seal=other.seal),
                    kept._replace(previous=other.previous),
                    kept._replace(seal=b"", previous=b""),
                    other._replace(seq=kept.seq),
                ]
            )
        )
        if len(stored) > 1 and data.draw(st.booleans()):
            del stored[data.draw(st.integers(0, len(stored) - 1))]
    return stored


@given(BODIES, st.integers(1, 9), st.data())
def test_an_alteration_is_found_at_the_same_entry(
    bodies: list[bytes], length: int, data: st.DataObject
) -> None:
    stored = altered(data, chain_of(bodies))
    to_seq = stored[-1].seq
    whole = followed(stored, Stretch(0, to_seq)).report

    assert in_stretches(stored, to_seq=to_seq, length=length) == whole


@given(BODIES, st.integers(1, 9))
def test_a_whole_chain_is_whole_and_gives_its_seals_back(bodies: list[bytes], length: int) -> None:
    entries = chain_of(bodies)
    parts = list(stretches(after_seq=0, to_seq=len(entries), length=length))

    seals = [seal for part in parts for seal in seals_of(followed(entries, part))]

    assert in_stretches(entries, to_seq=len(entries), length=length) == check_chain(entries)
    assert seals == [entry.seal for entry in entries]
    assert [part.to_seq for part in parts[:-1]] == [part.after_seq for part in parts[1:]]


def test_a_database_altered_between_two_stretches_is_found_where_they_meet() -> None:
    """Each was whole by itself, from another state of the database."""
    one, other = chain_of([b"1", b"2", b"3"]), chain_of([b"x", b"2", b"3"])
    first = joined(
        ChainReport(entries=0, first_broken=None), Stretch(0, 2), followed(one, Stretch(0, 2))
    )

    report = joined(first, Stretch(2, 3), followed(other, Stretch(2, 3)))

    assert first.first_broken is None
    assert (report.entries, report.first_broken) == (2, 3)
