"""The internal port: who may command, probes, metrics."""

from http import HTTPStatus

import httpx
import pytest
from websockets.asyncio.client import connect

from telehealth.contract import ControlHello
from tests.support.signaling_lab import SignalingLab, secret

BAD: list[dict[str, object]] = [
    {"aud": "visit-service"},
    {"iss": "signaling"},
    {"typ": "JWT"},
    {"exp": 4_000_000_000},
    {"exp": 1_000},
    {"key": secret()},
]


async def closed_after(lab: SignalingLab, first: str) -> int | None:
    url = f"ws://127.0.0.1:{lab.node.internal_port}/control/visit"
    async with connect(url, proxy=None, close_timeout=1.0) as socket:
        await socket.send(first)
        await socket.wait_closed()
        return socket.close_code


@pytest.mark.parametrize("changes", BAD, ids=lambda changes: next(iter(changes)))
async def test_a_stranger_commands_nothing(lab: SignalingLab, changes: dict[str, object]) -> None:
    token = lab.service_token(**changes)
    assert await closed_after(lab, ControlHello(token=token).model_dump_json()) == 1008


@pytest.mark.parametrize("frame", ["", "{}", '{"type":"hello"}', "x" * 100])
async def test_a_first_frame_that_is_no_hello_is_closed(lab: SignalingLab, frame: str) -> None:
    assert await closed_after(lab, frame) == 1008


async def test_a_malformed_command_is_not_acknowledged(lab: SignalingLab) -> None:
    async with lab.control() as socket:
        await socket.send('{"type":"room-command","kind":"explode"}')
        await socket.wait_closed()

        assert socket.close_code == 1008


async def test_probes_and_metrics_answer(lab: SignalingLab) -> None:
    async with lab.seated(), httpx.AsyncClient(base_url=lab.internal_url, trust_env=False) as http:
        for path in ("/healthz", "/readyz"):
            assert (await http.get(path)).status_code == HTTPStatus.OK
        text = (await http.get("/metrics")).text
        assert 'sig_joins_total{result="active"} 1' in text
        assert "sig_sockets 1" in text
        assert lab.room not in text
        assert (await http.get("/elsewhere")).status_code == HTTPStatus.NOT_FOUND
