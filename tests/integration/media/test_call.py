import threading
from itertools import permutations

from tests.support.dtls_client import CM_SHA1_80, GCM_128, GCM_256
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_lab import established_call, media_lab
from tests.support.webrtc_offers import Numbering


async def test_two_people_hear_and_see_each_other_and_nothing_is_decoded() -> None:
    """No thread but the loop's: nobody decodes, encodes or mixes here."""
    async with media_lab() as lab, established_call(lab) as call:
        before = set(threading.enumerate())
        await call.talk(1.0)
        await call.nothing_was_lost()

        assert call.seen("patient", "provider") > 40
        assert call.seen("provider", "patient") > 40
        assert set(threading.enumerate()) == before == {threading.main_thread()}


async def test_four_people_each_with_numbers_and_a_cipher_of_their_own() -> None:
    """Payload types, extension ids and keys are per hop; a packet is written anew for each."""
    peers = (
        HeadlessPeer("patient"),
        HeadlessPeer("provider", numbering=Numbering(opus=109, vp8=120, rtx=124, mid=7, level=5)),
        HeadlessPeer("interpreter", profiles=(CM_SHA1_80,), numbering=Numbering(mid=9, level=8)),
        HeadlessPeer(
            "carer", profiles=(GCM_256, CM_SHA1_80), numbering=Numbering(vp8=100, rtx=101)
        ),
    )
    async with media_lab() as lab, established_call(lab, *peers) as call:
        await call.talk(1.0)
        await call.nothing_was_lost()

        for name, other in permutations(call.peers, 2):
            hears = call.peers[name]
            mid = call.mids[name][f"{other}.camera"]
            # How many fit in a second is the machine's affair; that they flow is ours.
            assert call.seen(name, other) > 10
            assert {each.payload_type for each in hears.received[mid]} == {hears.numbering.vp8}
            assert hears.answer is not None
            assert {each.ssrc for each in hears.received[mid]} == {hears.answer.slot_ssrcs[mid]}
            sequence = [each.sequence for each in hears.received[mid]]
            first = sequence[0]
            assert [(each - first) % 65_536 for each in sequence] == list(range(len(sequence)))
        assert [peer.undecipherable for peer in peers] == [0, 0, 0, 0]
        assert peers[0].keys is not None
        assert peers[0].keys.profile == GCM_128
