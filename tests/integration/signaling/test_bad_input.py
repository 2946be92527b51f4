"""What a stranger or a broken client sends: a refusal or a close, and nobody else disturbed."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import jwt
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from signaling.client import RequestRefused, SignalingClient
from signaling.contract.messages import (
    SUBPROTOCOL,
    AdmitParticipant,
    Offer,
    Ping,
    Pong,
    Publish,
    Refused,
    RemoveCause,
    RemoveParticipant,
    Source,
)
from signaling.shell.metrics import Count
from telehealth.contract import RoomCommandKind
from tests.support.fake_visit_service import ADMISSIONS, SILENCE
from tests.support.keys import key_for_tests
from tests.support.redis import RedisServer
from tests.support.signaling_lab import ORIGIN, SignalingLab, signaling_lab, until

NOW = int(time.time())


async def refused_hello(lab: SignalingLab, ticket: str) -> tuple[str, int]:
    async with lab.open() as client:
        with pytest.raises(RequestRefused) as refusal:
            await client.hello(ticket)
        return refusal.value.code, await client.closed()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "visit-service"},
        {"iss": "somebody"},
        {"typ": "access+jwt"},
        {"exp": NOW - 3600, "iat": NOW - 3660},
        {"exp": NOW + 3600},
        {"jti": None},
        {"room": None},
        {"room": "not-a-visit"},
        {"entry": "window"},
        {"iat": None},
        {"sub": None},
    ],
)
async def test_a_ticket_that_is_not_for_this_is_refused(
    lab: SignalingLab, changes: dict[str, object]
) -> None:
    assert await refused_hello(lab, lab.ticket(**changes)) == ("ticket_invalid", 4401)


def forged(lab: SignalingLab, *, kid: str | None = None, algorithm: str = "EdDSA") -> str:
    claims = jwt.decode(lab.ticket(), options={"verify_signature": False})
    known = jwt.get_unverified_header(lab.ticket())["kid"]
    headers = {"typ": "visit-join+jwt", "kid": kid or known}
    key = key_for_tests(seed=9).private if algorithm == "EdDSA" else "secret" * 8
    return jwt.encode(claims, key, algorithm, headers)


async def test_a_ticket_of_a_strangers_key_is_refused(lab: SignalingLab) -> None:
    assert await refused_hello(lab, forged(lab)) == ("ticket_invalid", 4401)


async def test_a_ticket_may_not_choose_its_algorithm(lab: SignalingLab) -> None:
    assert await refused_hello(lab, forged(lab, algorithm="HS256")) == ("ticket_invalid", 4401)


async def test_an_unsigned_ticket_is_refused(lab: SignalingLab) -> None:
    header, claims, _ = lab.ticket().split(".")
    told = json.loads(base64.urlsafe_b64decode(header + "=="))
    plain = json.dumps({**told, "alg": "none"}).encode()
    unsigned = base64.urlsafe_b64encode(plain).decode().rstrip("=")
    assert await refused_hello(lab, f"{unsigned}.{claims}.") == ("ticket_invalid", 4401)


async def test_made_up_key_names_cost_one_fetch_a_minute(lab: SignalingLab) -> None:
    before = lab.visits.fetches
    for number in range(5):
        await refused_hello(lab, forged(lab, kid=f"made-up-{number}"))

    assert lab.visits.fetches - before <= 1


async def test_a_ticket_counts_once(lab: SignalingLab) -> None:
    ticket = lab.ticket()
    async with lab.open() as client:
        await client.hello(ticket)

        assert await refused_hello(lab, ticket) == ("ticket_used", 4401)
        assert isinstance(await client.ask(Ping(id=1)), Pong)


async def test_no_ticket_opens_the_room_of_an_ended_visit(lab: SignalingLab) -> None:
    async with lab.provider():
        await lab.command(RoomCommandKind.ENDED)

    assert await refused_hello(lab, lab.ticket()) == ("room_ended", 4410)


async def test_a_ticket_to_one_visit_shows_nothing_of_another(lab: SignalingLab) -> None:
    async with lab.provider(), lab.seated(room=str(uuid4())) as elsewhere:
        assert len(elsewhere.welcome.room.participants) == 1


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type":"hello"}',
        '{"type":"ping","id":1}',
        '{"type":7,"id":1}',
        '{"type":"hello","id":1,"ticket":"x","device_id":"12345678","client":{"name":1}}',
        "x" * 9000,
        '{"type":"hello","id":1,"a":' + "[" * 50 + "]" * 50 + "}",
    ],
)
async def test_a_first_frame_that_is_no_hello_is_refused_and_closed(
    lab: SignalingLab, frame: str
) -> None:
    async with lab.open() as client:
        await client.socket.send(frame)

        assert await client.closed() in {4400, 4401}
    assert (
        lab.node.metrics.of(Count.CLOSES, "4400") + lab.node.metrics.of(Count.CLOSES, "4401") == 1
    )


async def test_nobody_waits_for_a_silent_stranger(lab: SignalingLab) -> None:
    async with lab.open() as client:
        assert await client.closed(within_s=8) == 4401


async def test_an_unknown_message_is_refused_counted_and_harmless(lab: SignalingLab) -> None:
    async with lab.seated() as patient:
        await patient.client.socket.send('{"type":"dance","id":50}')

        refused = await patient.client.heard(Refused)
        assert (refused.code, refused.re) == ("unsupported_message", 50)
        assert lab.node.metrics.of(Count.REFUSALS, "unsupported_message") == 1


async def test_three_violations_close_only_that_socket(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.seated() as patient:
        for _ in range(3):
            await patient.client.socket.send("{")

        assert await patient.client.closed() == 4400
        assert isinstance(await provider.client.ask(Ping(id=1)), Pong)


async def test_a_binary_frame_closes(lab: SignalingLab) -> None:
    async with lab.seated() as patient:
        await patient.client.socket.send(b"\x00")

        assert await patient.client.closed() == 1003


async def test_a_frame_over_the_limit_closes(lab: SignalingLab) -> None:
    async with lab.seated() as patient:
        await patient.client.socket.send("x" * 65_537)

        assert await patient.client.closed() == 1009


async def test_a_flood_closes_only_that_socket(lab: SignalingLab) -> None:
    async with lab.provider() as provider, lab.seated() as patient:
        with contextlib.suppress(ConnectionClosed):
            for number in range(2, 5_000):
                await patient.client.socket.send(f'{{"type":"ping","id":{number}}}')
                await asyncio.sleep(0)

        assert await patient.client.closed() == 4529
        assert isinstance(await provider.client.ask(Ping(id=1)), Pong)


Asked = Callable[[SignalingClient], Awaitable[object]]
ME = str(uuid4())
LOBBY_MISUSE: list[Asked] = [
    lambda it: it.ask(Publish(id=1, source=Source.MIC, mid="0")),
    lambda it: it.ask(Offer(id=1, offer_id=1, room_epoch=1, sdp="v=0")),
    lambda it: it.ask(AdmitParticipant(id=1, participant_id=ME)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("asked", LOBBY_MISUSE, ids=["publish", "offer", "admit"])
async def test_from_the_lobby_nothing_of_the_room_can_be_asked(
    lab: SignalingLab, asked: Asked
) -> None:
    async with lab.waiting() as patient:
        with pytest.raises(RequestRefused) as refusal:
            await asked(patient.client)

        assert refusal.value.code == "wrong_state"


async def test_a_patient_may_not_admit_or_remove(lab: SignalingLab) -> None:
    async with lab.seated() as patient, lab.provider() as provider:
        other = provider.welcome.participant_id
        for request in (
            AdmitParticipant(id=1, participant_id=other),
            RemoveParticipant(id=1, participant_id=other, cause=RemoveCause.DISTURBANCE),
        ):
            with pytest.raises(RequestRefused) as refusal:
                await patient.client.ask(request)
            assert refusal.value.code == "not_permitted"
    assert lab.visits.admissions == []
    assert lab.visits.removals == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (403, "not_permitted"),
        (404, "unknown_participant"),
        (409, "wrong_state"),
        (500, "audit_unavailable"),
        (SILENCE, "audit_unavailable"),
    ],
)
async def test_an_admission_that_is_not_recorded_does_not_happen(
    lab: SignalingLab, fault: int, code: str
) -> None:
    lab.visits.faults[ADMISSIONS].append(fault)
    async with lab.waiting() as patient, lab.provider() as provider:
        with pytest.raises(RequestRefused) as refusal:
            await provider.client.ask(
                AdmitParticipant(id=1, participant_id=patient.welcome.participant_id)
            )

        assert refusal.value.code == code
        assert patient.client.told == [patient.welcome]


async def test_an_offer_that_is_no_sdp_is_refused_and_the_next_one_answered(
    lab: SignalingLab,
) -> None:
    async with lab.seated() as patient:
        admitted = await patient.admitted()
        with pytest.raises(RequestRefused) as refusal:
            await patient.client.ask(
                Offer(id=1, offer_id=1, room_epoch=admitted.room_epoch, sdp="v=0\r\nnonsense")
            )
        assert refusal.value.code == "bad_message"

        async with patient.call(offer_id=2):
            await until(lambda: lab.visits.kinds(patient.participant_id)[-1] == "media_connected")


@pytest.mark.parametrize(
    ("path", "origin", "protocols", "status"),
    [
        ("/v1/socket", None, [SUBPROTOCOL], 403),
        ("/v1/socket", "https://evil.example", [SUBPROTOCOL], 403),
        ("/v1/socket", ORIGIN, ["telehealth.v9"], 400),
        ("/v1/socket", ORIGIN, None, 400),
        ("/elsewhere", ORIGIN, [SUBPROTOCOL], 404),
    ],
)
async def test_an_upgrade_from_elsewhere_is_refused(
    lab: SignalingLab, path: str, origin: str | None, protocols: list[str] | None, status: int
) -> None:
    url = f"ws://127.0.0.1:{lab.node.port}{path}"
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(
            url,
            origin=None if origin is None else Origin(origin),
            subprotocols=None if protocols is None else [Subprotocol(each) for each in protocols],
            proxy=None,
        ):
            pass
    assert refusal.value.response.status_code == status


async def test_one_address_may_not_storm_the_door(lab: SignalingLab) -> None:
    sockets: list[ClientConnection] = []
    statuses = []
    for _ in range(60):
        try:
            sockets.append(
                await connect(
                    lab.url,
                    origin=Origin(ORIGIN),
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    proxy=None,
                    close_timeout=0.2,
                )
            )
        except InvalidStatus as refusal:
            statuses.append(refusal.response.status_code)
    for socket in sockets:
        await socket.close()

    assert set(statuses) == {429}
    assert lab.node.metrics.of(Count.UPGRADES_REFUSED, "too_fast") == len(statuses)


async def test_behind_a_proxy_each_address_has_its_own_budget(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async def upgrade(lab: SignalingLab, forwarded: str) -> int:
        try:
            async with connect(
                lab.url,
                origin=Origin(ORIGIN),
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers={"X-Forwarded-For": forwarded},
                proxy=None,
                close_timeout=0.2,
            ):
                return 101
        except InvalidStatus as refusal:
            return refusal.response.status_code

    async with signaling_lab(redis_server, tmp_path / "spool", proxy_depth=1) as lab:
        stormy = [await upgrade(lab, "made up, 192.0.2.7") for _ in range(60)]

        assert 429 in stormy
        assert await upgrade(lab, "192.0.2.7, 192.0.2.8") == 101
