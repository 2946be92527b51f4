"""One EHR over a scripted exchange: what is sent, and what becomes of odd answers."""

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

import pytest

from telehealth.chart_sync.fhir_client import FhirClient, serialised
from telehealth.chart_sync.ports import Matched, NoReply, Reply, Stored, Trouble, TroubleKind
from telehealth.delivery.ports import OutcomeCode
from tests.support.clock import FakeClock

BASE = "https://ehr.example/fhir"
RESOURCE = {"resourceType": "Encounter", "status": "finished", "subject": {"display": "Lucía"}}
MADE = Reply(status=201, headers={"location": f"{BASE}/Encounter/e1/_history/1"}, body=b"")
NEVER = float("inf")


class ScriptedExchange:
    """Implements `Exchange`; answers in the order it was given, keeps what was sent."""

    def __init__(self, *answers: Reply | NoReply) -> None:
        self.answers = deque(answers)
        self.sent: list[tuple[str, str, Mapping[str, str], bytes | None]] = []
        self.is_closed = False

    async def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> Reply | NoReply:
        self.sent.append((method, url, headers, content))
        return self.answers.popleft()

    async def close(self) -> None:
        self.is_closed = True


class FakeSignIn:
    """Hands out numbered tokens; stands where `BackendSignIn` stands."""

    def __init__(self, refusal: Trouble | None = None) -> None:
        self.number = 1
        self.refusal = refusal

    async def token(self) -> str | Trouble:
        return self.refusal or f"token-{self.number}"

    def forget(self) -> None:
        self.number += 1


def client_of(exchange: ScriptedExchange, sign_in: Any = None) -> FhirClient:
    return FhirClient(exchange, base_url=BASE, sign_in=sign_in, clock=FakeClock())


async def create(client: FhirClient, *, send_before_s: float = NEVER) -> Stored | Trouble:
    return await client.create_once(
        RESOURCE, system="urn:demo:visit", value="v1", send_before_s=send_before_s
    )


async def test_a_create_carries_its_condition_as_a_bare_query() -> None:
    """A leading `?` makes some servers refuse a query that matches nothing."""
    exchange = ScriptedExchange(MADE)

    answer = await create(client_of(exchange))

    [(method, url, headers, content)] = exchange.sent
    assert answer == Stored(ref="Encounter/e1", http_status=201)
    assert (method, url) == ("POST", f"{BASE}/Encounter")
    assert headers["If-None-Exist"] == "identifier=urn%3Ademo%3Avisit%7Cv1"
    assert headers["Content-Type"] == "application/fhir+json"
    assert "Authorization" not in headers
    assert content is not None
    assert json.loads(content) == RESOURCE


def test_the_same_content_gives_the_same_bytes() -> None:
    assert serialised(RESOURCE) == serialised(dict(reversed(RESOURCE.items())))
    assert "Lucía".encode() in serialised(RESOURCE)


async def test_a_search_asks_by_system_and_value() -> None:
    found = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:x", "value": "a b|c"}],
    }
    bundle = {"resourceType": "Bundle", "entry": [{"resource": found}]}
    exchange = ScriptedExchange(Reply(status=200, headers={}, body=json.dumps(bundle).encode()))

    answer = await client_of(exchange).find("Patient", system="urn:x", value="a b|c")

    assert isinstance(answer, Matched)
    assert answer.refs == ["Patient/p1"]
    assert exchange.sent[0][1] == f"{BASE}/Patient?identifier=urn%3Ax%7Ca+b%7Cc"


async def test_a_refused_token_is_replaced_once() -> None:
    exchange = ScriptedExchange(Reply(status=401, headers={}, body=b""), MADE)

    answer = await create(client_of(exchange, FakeSignIn()))

    used = [headers["Authorization"] for _, _, headers, _ in exchange.sent]
    assert isinstance(answer, Stored)
    assert used == ["Bearer token-1", "Bearer token-2"]


async def test_a_second_refusal_is_not_argued_with() -> None:
    refused = Reply(status=401, headers={}, body=b"")
    exchange = ScriptedExchange(refused, refused)

    answer = await create(client_of(exchange, FakeSignIn()))

    assert isinstance(answer, Trouble)
    assert answer.code is OutcomeCode.SIGN_IN_REFUSED
    assert len(exchange.sent) == 2


async def test_an_ehr_without_sign_in_that_asks_for_one_is_not_argued_with() -> None:
    exchange = ScriptedExchange(Reply(status=401, headers={}, body=b""))

    answer = await create(client_of(exchange))

    assert isinstance(answer, Trouble)
    assert answer.pauses_partner


async def test_silence_is_not_repeated() -> None:
    exchange = ScriptedExchange(NoReply(may_have_arrived=True))

    answer = await create(client_of(exchange, FakeSignIn()))

    assert isinstance(answer, Trouble)
    assert answer.kind is TroubleKind.UNKNOWN
    assert len(exchange.sent) == 1


@pytest.mark.parametrize("verb", ["create", "find"])
async def test_without_a_token_nothing_is_sent(verb: str) -> None:
    exchange = ScriptedExchange()
    refusal = Trouble(kind=TroubleKind.LATER, code=OutcomeCode.SCOPE_TOO_NARROW)
    client = client_of(exchange, FakeSignIn(refusal))

    answer = (
        await create(client)
        if verb == "create"
        else await client.find("Patient", system="s", value="v")
    )

    assert answer == refusal
    assert exchange.sent == []


async def test_a_late_first_byte_does_not_leave() -> None:
    exchange = ScriptedExchange()

    answer = await create(client_of(exchange), send_before_s=0.0)

    assert answer == Trouble(kind=TroubleKind.LATER, code=OutcomeCode.LEASE_SHORT)
    assert exchange.sent == []


async def test_a_redirect_is_not_followed() -> None:
    """The token would go to whoever the redirect names."""
    away = Reply(status=307, headers={"location": "https://elsewhere.example/"}, body=b"")
    exchange = ScriptedExchange(away)

    answer = await create(client_of(exchange, FakeSignIn()))

    assert isinstance(answer, Trouble)
    assert answer.code is OutcomeCode.UNREADABLE_ANSWER
    assert len(exchange.sent) == 1


async def test_closing_closes_the_exchange() -> None:
    exchange = ScriptedExchange()

    await client_of(exchange).close()

    assert exchange.is_closed
