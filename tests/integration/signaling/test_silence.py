"""Redis, the visit service or a media node away: running visits go on, new ones wait."""

from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from media.app import running as running_media
from signaling.app import running
from signaling.client import RequestRefused
from signaling.contract.messages import MediaRebuild, Mute, Ok, Ping, Pong, Publish, Source
from tests.support.fake_visit_service import PRESENCE
from tests.support.redis import RedisServer
from tests.support.signaling_lab import SignalingLab, media_settings, signaling_lab, until


async def status(lab: SignalingLab, path: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"{lab.internal_url}{path}")).status_code


async def test_without_redis_calls_go_on_and_joins_are_told_to_wait(lab: SignalingLab) -> None:
    async with lab.seated() as patient, patient.call() as peer:
        answer = await patient.client.ask(Publish(id=1, source=Source.MIC, mid="0"))
        assert isinstance(answer, Ok)
        assert answer.publication_id is not None
        lab.redis.freeze()
        try:
            await patient.client.ask(
                Mute(id=1, publication_id=answer.publication_id, is_muted=True)
            )
            async with lab.open() as late:
                with pytest.raises(RequestRefused) as refusal:
                    await late.hello(lab.ticket())
                assert (refusal.value.code, await late.closed()) == ("try_again", 4503)
            await until(lambda: lab.node.registry.is_silent)
            assert await status(lab, "/healthz") == HTTPStatus.OK
            assert await status(lab, "/readyz") == HTTPStatus.SERVICE_UNAVAILABLE
            assert isinstance(await patient.client.ask(Ping(id=1)), Pong)
            peer.send_audio()
        finally:
            lab.redis.thaw()
        await until(lambda: not lab.node.registry.is_silent)
        async with lab.seated():
            assert await status(lab, "/readyz") == HTTPStatus.OK


async def test_a_redis_that_lost_everything_is_told_the_seats_again(lab: SignalingLab) -> None:
    async with lab.seated() as patient:
        lab.redis.stop()
        await until(lambda: lab.node.registry.is_silent)
        lab.redis.start()
        await until(lambda: not lab.node.registry.is_silent)

        async def is_back() -> bool:
            redis = Redis.from_url(lab.redis.url)
            held = await redis.hget(f"sig:{{{lab.room}}}:members", patient.participant_id)
            await redis.aclose()
            return held is not None

        for _ in range(100):
            if await is_back():
                break
            await patient.client.ask(Ping(id=1))
        assert await is_back()
        assert patient.client.socket.close_code is None


async def test_presence_is_told_until_acknowledged_and_counts_once(lab: SignalingLab) -> None:
    lab.visits.faults[PRESENCE].extend([503, 500, 503])
    async with lab.seated() as patient:
        await until(lambda: lab.visits.kinds(patient.participant_id) == ["joined"])
    assert len({event.event_id for event in lab.visits.events}) == len(lab.visits.events)


async def test_presence_on_disk_survives_the_process(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with signaling_lab(redis_server, tmp_path / "spool") as lab:
        lab.visits.faults[PRESENCE].extend([503] * 50)
        async with lab.seated() as patient:
            pass
        await lab.node.stop()
        assert lab.visits.kinds(patient.participant_id) == []
        lab.visits.faults[PRESENCE].clear()

        async with running(lab.settings) as lab.node:
            await until(lambda: "joined" in lab.visits.kinds(patient.participant_id))


async def test_a_media_node_that_dies_makes_clients_rebuild_elsewhere(lab: SignalingLab) -> None:
    key = lab.settings.media_control_key.get_secret_value()
    async with lab.seated() as patient:
        before = await patient.admitted()
        async with running_media(media_settings(lab.redis.url, key, node_id="media-2")) as other:
            await until(lambda: other.boot_id is not None)
            await lab.media.stop()

            rebuild = await patient.client.heard(
                MediaRebuild, where=lambda it: it.room_epoch > before.room_epoch, within_s=15
            )
            async with patient.call(room_epoch=rebuild.room_epoch):
                await until(lambda: "media_connected" in lab.visits.kinds(patient.participant_id))


async def test_without_a_key_set_nobody_is_seated(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with signaling_lab(
        redis_server, tmp_path / "spool", visit_service_url="http://127.0.0.1:9"
    ) as lab:
        assert await status(lab, "/readyz") == HTTPStatus.SERVICE_UNAVAILABLE
        async with lab.open() as client:
            with pytest.raises(RequestRefused) as refusal:
                await client.hello(lab.ticket())
            assert (refusal.value.code, await client.closed()) == ("try_again", 4503)
