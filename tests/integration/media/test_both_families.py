"""One worker, one port, two address families: a call between somebody on each."""

import asyncio
import re

from media.app import running
from media.contract.control import Source
from tests.integration.media.test_node_process import KEY, settings
from tests.support.control_client import ControlClient, control_client, control_token
from tests.support.headless_peer import HeadlessPeer
from tests.support.media_commands import ack, attach, offer, open_room, publish, wants
from tests.support.media_lab import until
from tests.support.redis import RedisServer


async def join(signaling: ControlClient, peer: HeadlessPeer, other: str) -> str:
    """Attach, connect, publish and wish for the other's voice; the answer."""
    await signaling.done(attach(peer.name))
    answered = await signaling.done(offer(peer.name, peer.offer()))
    await peer.connect(answered.sdp or "")
    await signaling.done(publish(peer.name, Source.MIC))
    await signaling.done(wants(peer.name, f"{other}.mic"))
    return answered.sdp or ""


async def test_two_people_of_different_address_families_hear_each_other(
    shared_redis: RedisServer,
) -> None:
    chosen = settings(
        shared_redis.url,
        MEDIA_LISTEN_ADDRESS_V6="::1",
        MEDIA_PUBLIC_ADDRESS_V6="::1",
        MEDIA_LOAD_MAX="0",
    )
    four, six = HeadlessPeer("four"), HeadlessPeer("six", is_v6=True)
    async with running(chosen) as node, control_client(node.control.port) as signaling:
        await signaling.hello(control_token(KEY, "node-1"))
        await signaling.done(open_room())
        answer = await join(signaling, four, "six")
        await join(signaling, six, "four")
        for peer in (four, six):
            told = await signaling.map_of(peer.name)
            await signaling.done(ack(peer.name, told.map_id))

        def both_hear() -> bool:
            four.send_audio()
            six.send_audio()
            return all(any(peer.received.values()) for peer in (four, six))

        await until(both_hear)
        offered = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
        assert sorted(offered) == [("127.0.0.1", str(node.port)), ("::1", str(node.port))]
        await asyncio.sleep(0)
        for peer in (four, six):
            await peer.close()


async def test_the_advertised_address_is_the_one_outside_the_nat(
    shared_redis: RedisServer,
) -> None:
    """Bound to one address, reached by another: only what is told changes."""
    chosen = settings(shared_redis.url, MEDIA_PUBLIC_ADDRESS="203.0.113.7", MEDIA_LOAD_MAX="0")
    peer = HeadlessPeer("ann")
    async with running(chosen) as node, control_client(node.control.port) as signaling:
        await signaling.hello(control_token(KEY, "node-1"))
        await signaling.done(open_room())
        await signaling.done(attach("ann"))
        answer = (await signaling.done(offer("ann", peer.offer()))).sdp or ""

        assert f" 203.0.113.7 {node.port} typ host" in answer
        assert "127.0.0.1" not in answer
        await peer.connect(answer.replace("203.0.113.7", "127.0.0.1"))
        await peer.close()
