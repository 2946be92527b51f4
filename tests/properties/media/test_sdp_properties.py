"""What we agree to holds for any plan of a client, and a re-offer never takes a stream away."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from media.contract.control import Source
from media.core.ice_lite import Credentials
from media.core.negotiate import Agreement, Ours, agree
from media.core.offer_rules import examine
from media.core.sdp import read_offer
from tests.support.webrtc_offers import Numbering, OfferPlan, offer_text, read_answer

NUMBERS = st.lists(st.integers(96, 127), min_size=3, max_size=3, unique=True)
IDS = st.lists(st.integers(4, 13), min_size=2, max_size=2, unique=True)
RIGHTS = st.frozensets(st.sampled_from(Source))


@st.composite
def plans(draw: st.DrawFn) -> OfferPlan:
    """Any client: its own numbers, any room size."""
    opus, vp8, rtx = draw(NUMBERS)
    mid, level = draw(IDS)
    return OfferPlan(
        ufrag="abcd",
        password="w" * 24,
        fingerprint="AA:BB",
        ssrcs={"0": draw(st.integers(1, 999)), "1": draw(st.integers(2_000, 2_999))},
        numbering=Numbering(opus=opus, vp8=vp8, rtx=rtx, mid=mid, level=level),
        audio_slots=draw(st.integers(0, 11)),
        video_slots=draw(st.integers(0, 12)),
    )


def agreed(
    text: str, may_publish: frozenset[Source], previous: Agreement | None = None
) -> Agreement:
    drawn = count(1)  # collides with what clients declare, on purpose
    ours = Ours(
        credentials=Credentials(ufrag="serverAB", password="s" * 24),
        fingerprint="CC:DD",
        candidates=(("192.0.2.9", 3_000),),
        session_id=1,
        cname="room",
        may_publish=may_publish,
        draw_ssrc=lambda: next(drawn),
    )
    if previous is None:
        return agree(examine(text), None, ours)
    return agree(examine(text, layout=previous.layout, known=previous.remote), previous, ours)


@given(plans(), RIGHTS)
def test_only_offered_numbers_are_answered_and_only_rights_are_bound(
    plan: OfferPlan, rights: frozenset[Source]
) -> None:
    agreement = agreed(offer_text(plan), rights)

    numbers = plan.numbering
    for section in agreement.facts.sections:
        assert {codec.payload_type for codec in section.codecs} <= {
            0,
            numbers.opus,
            numbers.vp8,
            numbers.rtx,
        }
    assert set(agreement.publishable.values()) == set(rights)
    directions = read_answer(agreement.answer).directions
    assert sum(direction == "sendonly" for direction in directions.values()) == len(
        agreement.facts.slots
    )


@given(plans(), RIGHTS)
def test_no_stream_number_means_two_things(plan: OfferPlan, rights: frozenset[Source]) -> None:
    agreement = agreed(offer_text(plan), rights)

    slots = [slot.ssrc for slot in agreement.facts.slots]
    slots += [slot.rtx_ssrc for slot in agreement.facts.slots if slot.rtx_ssrc is not None]
    offered = {ssrc for section in read_offer(offer_text(plan)).sections for ssrc in section.ssrcs}
    assert len(set(slots)) == len(slots)
    assert not offered & set(slots)


@given(plans(), RIGHTS)
def test_an_answer_is_sdp_that_our_own_reader_reads(
    plan: OfferPlan, rights: frozenset[Source]
) -> None:
    answer = read_offer(agreed(offer_text(plan), rights).answer)

    assert [section.mid for section in answer.sections] == [
        str(number) for number in range(3 + plan.audio_slots + plan.video_slots)
    ]


@given(plans(), st.integers(0, 12), RIGHTS)
def test_slots_keep_their_streams_however_the_room_grows(
    plan: OfferPlan, more: int, rights: frozenset[Source]
) -> None:
    first = agreed(offer_text(plan), rights)
    grown = OfferPlan(
        **{
            **{name: getattr(plan, name) for name in OfferPlan.__dataclass_fields__},
            "video_slots": min(12, plan.video_slots + more),
        }
    )

    second = agreed(offer_text(grown), rights, first)

    assert second.facts.slots[: len(first.facts.slots)] == first.facts.slots
    assert second.publishable == first.publishable
