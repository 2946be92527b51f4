"""What becomes of a connection: late, silent, restarted, replaced, muted, without rights."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from media.contract.control import PeerClosed, PeerConnected, PeerLost, PeerSuspect, Source
from media.core.ice_lite import CONNECT_LIMIT_S
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_commands import mute, pause, publish
from tests.support.media_lab import MediaLab, established_call, media_lab, until


@pytest.fixture
async def lab() -> AsyncIterator[MediaLab]:
    async with media_lab() as made:
        yield made


def reasons(lab: MediaLab, name: str) -> list[str]:
    return [each.reason for each in lab.channel.of(PeerClosed) if each.participant_id == name]


@pytest.mark.requirement("SEC-MEDIA-03")
async def test_a_client_that_checks_but_never_shakes_hands_is_let_go(lab: MediaLab) -> None:
    """SEC-MEDIA-03: never left connecting; released at fifteen seconds with a reason."""
    peer = HeadlessPeer("ann")
    lab.open_room()
    lab.attach("ann")
    peer.open(lab.offer("ann", peer.offer()))
    await until(lambda: peer.checks_answered > 0)

    lab.node.on_tick(monotonic() + CONNECT_LIMIT_S + 0.1)

    assert reasons(lab, "ann") == ["media.dtls_timeout"]
    assert lab.mux._by_addr == {}
    await peer.close()


@pytest.mark.requirement("SEC-MEDIA-03")
async def test_a_client_whose_handshake_stalls_is_let_go(lab: MediaLab) -> None:
    peer = HeadlessPeer("ann")
    lab.open_room()
    lab.attach("ann")
    peer.open(lab.offer("ann", peer.offer()))
    await until(lambda: peer.checks_answered > 0)
    shaking = asyncio.create_task(peer.shake_hands())
    await asyncio.sleep(0)
    peer.server = ("127.0.0.1", 9)

    lab.node.on_tick(monotonic() + CONNECT_LIMIT_S + 0.1)

    assert reasons(lab, "ann") == ["media.dtls_timeout"]
    shaking.cancel()
    await asyncio.wait([shaking])
    await peer.close(is_polite=False)


async def test_a_silent_client_is_suspect_then_lost_then_back_on_the_same_keys(
    lab: MediaLab,
) -> None:
    async with established_call(lab) as call:
        await call.talk(0.5)
        patient = call.peers["patient"]
        await patient.fall_silent()
        began = monotonic()
        await until(lambda: len(lab.channel.of(PeerLost)) > 0, within_s=4.5)
        took_s = monotonic() - began
        connected = len(lab.channel.of(PeerConnected))

        patient.speak_again()
        await until(lambda: len(lab.channel.of(PeerConnected)) == connected + 1, within_s=10.0)

        assert 2.5 < took_s < 4.0
        assert "patient" in {each.participant_id for each in lab.channel.of(PeerSuspect)}
        await call.talk(0.3)
        await call.nothing_was_lost()


async def test_an_ice_restart_keeps_keys_slots_and_every_frame(lab: MediaLab) -> None:
    async with established_call(lab) as call:
        talking = asyncio.create_task(call.talk(1.0))
        patient = call.peers["patient"]
        await asyncio.sleep(0.3)

        offer = patient.offer().replace(patient.plan.ufrag, "restarted")
        patient.restart("restarted", lab.offer("patient", offer, offer_id=2))
        await until(lambda: patient.answered_since_restart)

        await talking
        await call.nothing_was_lost()
        assert len(lab.channel.of(PeerConnected)) == 2


@pytest.mark.requirement("INV-04")
async def test_a_newer_attach_ends_the_older_peer_before_it_is_answered(lab: MediaLab) -> None:
    async with established_call(lab) as call:
        await call.talk(0.3)
        heard = len(call.heard("provider", "patient"))

        lab.attach("patient", epoch=2)
        old = call.peers["patient"]
        for _ in range(20):
            old.send_audio()
        await asyncio.sleep(0.1)

        assert len(call.heard("provider", "patient")) == heard
        assert old.dtls is not None
        assert old.dtls.is_closed_by_server


@pytest.mark.requirement("INV-03")
async def test_a_detached_participant_neither_sends_nor_receives_one_packet_more(
    lab: MediaLab,
) -> None:
    """Removing somebody is a right of the visit, not a wish of their client."""
    async with established_call(lab) as call:
        await call.talk(0.3)
        lab.detach("patient")
        patient, provider = call.peers["patient"], call.peers["provider"]
        await asyncio.sleep(0.05)
        heard = {name: sum(map(len, peer.received.values())) for name, peer in call.peers.items()}

        for _ in range(20):
            patient.send_audio()
            provider.send_audio()
        await asyncio.sleep(0.2)

        assert heard == {
            name: sum(map(len, peer.received.values())) for name, peer in call.peers.items()
        }


async def test_a_muted_publication_is_dropped_whatever_the_client_sends(lab: MediaLab) -> None:
    async with established_call(lab) as call:
        await call.talk(0.3)
        await call.nothing_was_lost()
        lab.done(mute("patient", "patient.mic", is_muted=True))
        heard = len(call.heard("provider", "patient"))

        for _ in range(20):
            call.peers["patient"].send_audio()
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.1)
        assert len(call.heard("provider", "patient")) == heard

        lab.done(mute("patient", "patient.mic", is_muted=False))
        body = call.peers["patient"].send_audio()
        await until(lambda: call.heard("provider", "patient")[-1] == body)


async def test_a_paused_participant_is_neither_heard_nor_reached_and_then_is_again(
    lab: MediaLab,
) -> None:
    """What others see as reconnecting must be true on the wire, both ways."""
    async with established_call(lab) as call:
        await call.talk(0.3)
        await call.nothing_was_lost()
        lab.done(pause("patient", is_paused=True))
        before = {name: sum(map(len, peer.received.values())) for name, peer in call.peers.items()}
        for _ in range(10):
            for peer in call.peers.values():
                peer.send_audio()
                peer.send_video(packets=2)
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        held = {name: sum(map(len, peer.received.values())) for name, peer in call.peers.items()}
        asked = {name: peer.key_frames_asked for name, peer in call.peers.items()}

        lab.done(pause("patient", is_paused=False))
        await until(
            lambda: all(peer.key_frames_asked > asked[name] for name, peer in call.peers.items())
        )
        bodies = {}
        for name, peer in call.peers.items():
            peer.send_video(is_key=True, packets=2)
            bodies[name] = peer.send_audio()

        assert held == before
        await until(lambda: call.heard("provider", "patient")[-1] == bodies["patient"])
        await until(lambda: call.heard("patient", "provider")[-1] == bodies["provider"])
        seen = [call.seen("provider", "patient"), call.seen("patient", "provider")]
        assert min(seen) > 0


async def test_a_section_without_the_right_to_publish_reaches_nobody(lab: MediaLab) -> None:
    async with established_call(lab, HeadlessPeer("host")) as call:
        guest = HeadlessPeer("guest")
        lab.attach("guest", may_publish=(Source.MIC,))
        await guest.connect(lab.offer("guest", guest.offer()))
        lab.done(publish("guest"))
        lab.want("host", ("guest",))
        mids = lab.ack("host")

        for _ in range(10):
            guest.send_video(is_key=True)
            body = guest.send_audio()
        await until(lambda: bool(call.peers["host"].received[mids["guest.mic"]]))
        await asyncio.sleep(0.1)

        assert set(mids) == {"guest.mic"}
        received = call.peers["host"].received
        assert received[mids["guest.mic"]][-1].payload == body
        assert {mid for mid, packets in received.items() if packets} == {mids["guest.mic"]}
        await guest.close()
