from time import monotonic

import pytest

from media.contract.control import (
    KeyFrameStall,
    PeerClosed,
    PublicationLive,
    RefusalCode,
    SlotMap,
    Source,
)
from media.core.engine_face import (
    Authenticated,
    KeyFrameStalled,
    PeerKey,
    PublicationBound,
    PublicationKey,
)
from media.core.ice_lite import CONNECT_LIMIT_S
from tests.support.media_commands import (
    ack,
    attach,
    detach,
    mute,
    offer,
    open_room,
    publish,
    unpublish,
    wants,
)
from tests.support.node_lab import SDP, NodeLab
from tests.support.webrtc_offers import read_answer


@pytest.fixture
def lab() -> NodeLab:
    made = NodeLab()
    made.done(open_room())
    return made


def test_an_offer_is_answered_and_the_engine_learns_its_facts(lab: NodeLab) -> None:
    lab.done(attach("ann"))

    answered = lab.done(offer("ann", SDP))

    facts = lab.engine.open_peers[PeerKey("room-1/ann/1")]
    assert answered.sdp is not None
    assert read_answer(answered.sdp).candidates == (("192.0.2.1", 9),)
    assert facts is not None
    assert [section.mid for section in facts.sections] == ["0", "1", "2"]


def test_a_lower_attach_epoch_is_stale_and_changes_nothing(lab: NodeLab) -> None:
    lab.done(attach("ann", attach_epoch=4))

    for command in (attach("ann"), detach("ann"), offer("ann", SDP)):
        assert lab.code(command) is RefusalCode.STALE_ATTACH_EPOCH
    assert list(lab.engine.open_peers) == ["room-1/ann/4"]


def test_a_higher_attach_epoch_is_adopted_and_the_media_kept(lab: NodeLab) -> None:
    """A resumed seat keeps its media; only another attach makes another peer."""
    lab.join("ann")

    lab.done(publish("ann", attach_epoch=3))

    assert list(lab.engine.open_peers) == ["room-1/ann/1"]
    assert lab.code(publish("ann", Source.CAMERA)) is RefusalCode.STALE_ATTACH_EPOCH


def test_an_attach_of_a_higher_epoch_replaces_the_peer(lab: NodeLab) -> None:
    lab.join("ann")
    lab.done(publish("ann"))

    lab.done(attach("ann", attach_epoch=2))

    assert list(lab.engine.open_peers) == ["room-1/ann/2"]
    assert lab.code(publish("ann", attach_epoch=2)) is RefusalCode.UNKNOWN_MID


def test_an_attach_repeated_under_a_new_request_is_done_already(lab: NodeLab) -> None:
    lab.join("ann")

    lab.done(attach("ann"))

    assert lab.engine.open_peers[PeerKey("room-1/ann/1")] is not None


def test_commands_of_a_participant_without_a_peer_are_refused(lab: NodeLab) -> None:
    for command in (offer("ann", SDP), publish("ann"), wants("ann"), ack("ann", 1)):
        assert lab.code(command) is RefusalCode.UNKNOWN_PARTICIPANT
    lab.done(detach("ann"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("v=0", "v=1"), RefusalCode.BAD_SDP),
        (("a=recvonly", "a=sendonly"), RefusalCode.TOO_MANY_SLOTS),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused(
    lab: NodeLab, change: tuple[str, str], code: RefusalCode
) -> None:
    lab.done(attach("ann"))

    assert lab.code(offer("ann", SDP.replace(*change))) is code
    assert lab.code(offer("ann", SDP)) is RefusalCode.STALE_OFFER
    lab.done(offer("ann", SDP, offer_id=2))


def test_a_re_offer_under_another_certificate_is_refused(lab: NodeLab) -> None:
    lab.join("ann")

    changed = offer("ann", SDP.replace("AA:BB", "CC:DD"), offer_id=2)

    assert lab.code(changed) is RefusalCode.FINGERPRINT_CHANGED


def test_a_re_offer_with_new_credentials_gets_new_ones(lab: NodeLab) -> None:
    lab.done(attach("ann"))
    first = lab.done(offer("ann", SDP))
    same = lab.done(offer("ann", SDP, offer_id=2))
    restarted = lab.done(offer("ann", SDP.replace("abcd", "efgh"), offer_id=3, ice_restart=True))

    ufrags = [read_answer(each.sdp or "").ufrag for each in (first, same, restarted)]
    assert ufrags[0] == ufrags[1] != ufrags[2]


def test_a_section_is_published_for_its_own_use_only(lab: NodeLab) -> None:
    lab.done(attach("ann", may_publish=(Source.MIC, Source.CAMERA)), offer("ann", SDP))

    assert lab.code(publish("ann", Source.SCREEN)) is RefusalCode.UNKNOWN_MID
    assert lab.code(publish("ann", Source.CAMERA, mid="0")) is RefusalCode.UNKNOWN_MID
    assert lab.code(publish("ann", mid="9")) is RefusalCode.UNKNOWN_MID
    lab.done(publish("ann"), publish("ann", Source.CAMERA))


def test_a_name_is_one_publications_in_the_whole_room(lab: NodeLab) -> None:
    lab.join("ann", "bob")
    lab.done(publish("ann"))

    assert lab.code(publish("bob", publication_id="ann.mic")) is RefusalCode.BAD_COMMAND
    assert lab.code(publish("ann", publication_id="twice")) is RefusalCode.BAD_COMMAND
    named = publish("ann", Source.CAMERA, publication_id="ann.mic")
    assert lab.code(named) is RefusalCode.UNKNOWN_MID


def test_muting_is_told_to_the_engine_however_it_is_said(lab: NodeLab) -> None:
    lab.join("ann")
    key = PublicationKey(peer=PeerKey("room-1/ann/1"), mid="0")
    muted = []

    for command in (
        publish("ann", is_muted=True),
        mute("ann", "ann.mic", is_muted=False),
        mute("ann", "ann.mic", is_muted=True),
        publish("ann", is_muted=False),
    ):
        lab.done(command)
        muted.append(lab.engine.muted[key])

    assert muted == [True, False, True, False]
    assert lab.code(mute("ann", "bob.mic", is_muted=True)) is RefusalCode.UNKNOWN_PUBLICATION


def test_media_enters_a_slot_only_after_its_map_is_acknowledged(lab: NodeLab) -> None:
    lab.join("ann", "bob")
    lab.done(publish("ann"), wants("bob", "ann.mic"))
    newest = lab.channel.of(SlotMap)[-1]

    assert (newest.participant_id, newest.room_epoch, newest.attach_epoch) == ("bob", 1, 1)
    assert {slot.publication_id for slot in newest.slots} == {None, "ann.mic"}
    assert lab.engine.routes == []
    lab.done(ack("bob", newest.map_id))

    (edit,) = lab.engine.routes
    assert edit.is_attached
    assert edit.route.publication == PublicationKey(peer=PeerKey("room-1/ann/1"), mid="0")
    assert edit.route.slot.peer == "room-1/bob/1"


def test_what_is_taken_back_stops_at_once(lab: NodeLab) -> None:
    lab.join("ann", "bob")
    lab.done(publish("ann"), wants("bob", "ann.mic"))
    lab.done(ack("bob", lab.channel.of(SlotMap)[-1].map_id))

    lab.done(unpublish("ann", "ann.mic"))

    assert [edit.is_attached for edit in lab.engine.routes] == [True, False]
    assert all(slot.publication_id is None for slot in lab.channel.of(SlotMap)[-1].slots)
    assert lab.code(unpublish("ann", "ann.mic")) is RefusalCode.UNKNOWN_PUBLICATION


def test_a_detached_peer_is_closed_and_its_publications_end(lab: NodeLab) -> None:
    lab.join("ann", "bob")
    lab.done(publish("ann"), wants("bob", "ann.mic"))
    lab.done(ack("bob", lab.channel.of(SlotMap)[-1].map_id))

    lab.done(detach("ann"))

    assert list(lab.engine.open_peers) == ["room-1/bob/1"]
    assert [edit.is_attached for edit in lab.engine.routes] == [True, False]
    assert lab.channel.of(PeerClosed) == []


def test_an_unacknowledged_map_is_told_again(lab: NodeLab) -> None:
    lab.join("ann", "bob")
    lab.done(publish("ann"), wants("bob", "ann.mic"))
    told = len(lab.channel.of(SlotMap))
    now = monotonic()

    lab.node.on_tick(now)
    lab.node.on_tick(now + 2.5)

    assert len(lab.channel.of(SlotMap)) == told + 1


def test_a_publication_is_live_once_it_has_a_name_and_a_packet(lab: NodeLab) -> None:
    lab.join("ann")
    peer = PeerKey("room-1/ann/1")
    lab.engine.events = [
        PublicationBound(publication=PublicationKey(peer=peer, mid="0")),
        PublicationBound(publication=PublicationKey(peer=PeerKey("gone/ann/1"), mid="0")),
    ]
    lab.node.on_tick(monotonic())
    assert lab.channel.of(PublicationLive) == []

    lab.done(publish("ann"), publish("ann", Source.CAMERA))
    lab.engine.events = [
        PublicationBound(publication=PublicationKey(peer=peer, mid="1")),
        KeyFrameStalled(publication=PublicationKey(peer=peer, mid="1")),
        Authenticated(peer=peer, at=monotonic()),
    ]
    lab.node.on_tick(monotonic())

    live = [each.publication_id for each in lab.channel.of(PublicationLive)]
    assert live == ["ann.mic", "ann.camera"]
    assert [each.publication_id for each in lab.channel.of(KeyFrameStall)] == ["ann.camera"]


def test_a_peer_nobody_checks_is_closed_with_a_reason(lab: NodeLab) -> None:
    lab.join("ann")

    lab.node.on_tick(monotonic() + CONNECT_LIMIT_S + 0.1)

    (closed,) = lab.channel.of(PeerClosed)
    assert closed.reason == "media.connect_timeout"
    assert lab.engine.open_peers == {}
    assert lab.node.peers == 0
