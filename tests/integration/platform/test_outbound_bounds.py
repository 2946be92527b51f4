"""Every outbound client at a partner that refuses everything: how often it is asked is bounded.

No layer below retries by itself; what is tried again is tried by the ledger, on its policy's time.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any, Final, TypeAlias
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from telehealth.access.roles import Role
from telehealth.chart_sync.fhir_client import FhirClient, http_exchange
from telehealth.chart_sync.ports import Trouble
from telehealth.chart_sync.smart_sign_in import BackendSignIn, ClientKey
from telehealth.contract import ClinicId
from telehealth.delivery.lanes import POLICY, EntryKind, Lane, Policy
from telehealth.delivery.lifecycle import WAIT_WHEN_LIMITED, EntryState, back_off
from telehealth.identity.errors import SsoRefused, SsoUnreachable
from telehealth.identity.oidc_client import KEEP_METADATA_S, REFETCH_EVERY_S, OidcClient, Provider
from telehealth.identity.oidc_rules import SecondFactor
from telehealth.messaging.actions import NoticeDeliverer
from telehealth.messaging.email_client import HttpMail
from telehealth.messaging.policy import Channel
from telehealth.messaging.ports import Outgoing
from telehealth.messaging.twilio_client import TwilioTexts
from telehealth.platform.db import Database
from telehealth.platform.egress import partner_client
from telehealth.platform.sealing.asking import Asking
from telehealth.platform.sealing.errors import KeysUnavailable
from telehealth.visits.actions import booking
from tests.support.clinic import invent_clinic
from tests.support.clock import MORNING, FakeClock
from tests.support.fake_refuser import FakeRefuser, Refusing
from tests.support.ledger import entries, runner_for
from tests.support.requirements import Figure
from tests.support.sealed_rows import change_person

DRAW: Final = 0.5
"""What the dice of `tests.support.ledger.desk` show."""
ATTEMPTS: Final = 20
SENDS: Final = 2
"""Of the FHIR client: once more with a new token, when the EHR refuses the old one."""
PER_SIGN_IN: Final = 2
"""Of the sign-in: where to ask, and the asking."""
LIMITED: Final = frozenset({Refusing.TOO_MANY, Refusing.TOO_MANY_COME_AT_ONCE})
"""No tries in the sense of the ledger: its waits do not grow by them."""
METADATA: Final = "/.well-known/openid-configuration"
SMART: Final = "/.well-known/smart-configuration"

Act: TypeAlias = Callable[[], Awaitable[object]]


@pytest.fixture(params=Refusing)
async def refuser(request: pytest.FixtureRequest) -> AsyncIterator[FakeRefuser]:
    async with FakeRefuser(how=request.param).running() as running:
        yield running


def texts_of(refuser: FakeRefuser) -> TwilioTexts:
    return TwilioTexts(refuser.url, account="AC1", token="t", sender="+15550100000")


def mail_of(refuser: FakeRefuser) -> HttpMail:
    return HttpMail(refuser.url, token="t", sender="clinic@clinic.example")


async def repeat(act: Act, refuser: FakeRefuser, *, limit: int) -> int:
    """Act some times; return how often the partner was asked, within the limit."""
    before = len(refuser.asked)
    for _ in range(ATTEMPTS):
        await act()
    asked = len(refuser.asked) - before
    assert asked <= ATTEMPTS * limit, refuser.asked[before:]
    return asked


@pytest.mark.requirement("INV-13")
async def test_a_client_asks_once_for_each_act_whatever_the_refusal(
    refuser: FakeRefuser, figure: Figure
) -> None:
    message = Outgoing(
        message_id=UUID(int=1), to="+15550100001", subject="s", text="t", since=MORNING
    )
    texts, mail, keys = texts_of(refuser), mail_of(refuser), Asking(refuser.url)
    plain = partner_client(base_url=refuser.url)

    async def ask_plainly() -> None:
        with contextlib.suppress(httpx.HTTPError):
            await plain.get("/x")

    async def ask_for_keys() -> None:
        try:
            status, _ = await keys.post("/x", b"{}", {})
        except KeysUnavailable:
            return
        assert status != 200

    acts: dict[str, Act] = {
        "egress": ask_plainly,
        "text": lambda: texts.send(message),
        "text looked for": lambda: texts.find(message),
        "e-mail": lambda: mail.send(message),
        "e-mail looked for": lambda: mail.find(message),
        "keys": ask_for_keys,
    }

    asked = {name: await repeat(act, refuser, limit=1) for name, act in acts.items()}

    assert set(asked.values()) == {ATTEMPTS}
    for each in (texts, mail, keys):
        await each.close()
    await plain.aclose()
    figure(f"{len(acts)} acts x {ATTEMPTS} at 9 ways to refuse: 1 call each")


@pytest.mark.requirement("INV-13")
async def test_the_fhir_client_asks_twice_at_most_with_a_sign_in_each(
    refuser: FakeRefuser, figure: Figure
) -> None:
    clock = FakeClock()
    exchange = http_exchange(refuser.url)
    sign_in = BackendSignIn(
        exchange,
        base_url=refuser.url,
        client_id="us",
        key=client_key(),
        clock=clock,
        open_exchange=http_exchange,
    )
    bare, signed = (
        FhirClient(exchange, base_url=refuser.url, sign_in=each, clock=clock)
        for each in (None, sign_in)
    )

    async def find(client: FhirClient) -> None:
        found = await client.find("Patient", system="s", value="v")
        assert isinstance(found, Trouble)

    without = await repeat(lambda: find(bare), refuser, limit=1)
    refused = await repeat(lambda: find(signed), refuser, limit=PER_SIGN_IN)
    refuser.grants = {
        SMART: {"token_endpoint": f"{refuser.url}/token"},
        "/token": {"access_token": "x", "token_type": "bearer", "expires_in": 300, "scope": ""},
    }
    accepted = await repeat(lambda: find(signed), refuser, limit=SENDS * (1 + PER_SIGN_IN))

    assert (without, refused) == (ATTEMPTS, ATTEMPTS)
    await signed.close()
    figure(
        f"FHIR: {without} calls for {ATTEMPTS} acts bare, {refused} while the sign-in is refused,"
        f" {accepted} when only the act is ({refuser.how.value}; limit {SENDS * 3} an act)"
    )


def client_key() -> ClientKey:
    """Draw a key as an EHR would have registered it."""
    key = ec.generate_private_key(ec.SECP384R1())
    jwk: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(key, as_dict=True)
    return ClientKey.from_jwk({**jwk, "kid": "k1"})


@pytest.mark.requirement("INV-13")
async def test_the_sign_on_provider_is_asked_once_a_sign_in_and_once_a_minute_when_known(
    refuser: FakeRefuser, figure: Figure
) -> None:
    now = [0.0]
    client = OidcClient(
        Provider(
            clinic_id=ClinicId(UUID(int=1)),
            issuer=refuser.url,
            client_id="us",
            client_secret="s",
            algorithm="RS256",
            redirect_uri="https://visits.example.org/sso",
            links_by_email=False,
            second_factor=SecondFactor(),
        ),
        clock=FakeClock(),
        now=lambda: now[0],
    )

    async def go() -> None:
        try:
            await client.authorization_url("s")
        except (SsoUnreachable, SsoRefused):
            return

    unknown = await repeat(go, refuser, limit=1)
    refuser.grants[METADATA] = {
        "issuer": refuser.url,
        "authorization_endpoint": f"{refuser.url}/authorize",
    }
    await go()
    refuser.grants.clear()
    now[0] += KEEP_METADATA_S
    before, minutes = len(refuser.asked), 10
    for _ in range(minutes * 60):
        await go()
        now[0] += 1.0

    asked = len(refuser.asked) - before
    assert asked <= minutes * 60 / REFETCH_EVERY_S
    await client.close()
    figure(
        f"sign-on: {unknown} calls for {ATTEMPTS} acts; {asked} for {minutes * 60} acts in"
        f" {minutes} min once it was known"
    )


def most_tries(policy: Policy, how: Refusing) -> int:
    """Return how often one entry may be tried by its policy, if every wait is as drawn."""
    if how in {Refusing.BAD_REQUEST, Refusing.MOVED}:
        return 1
    if how in LIMITED:
        return 1 + int(policy.try_for / WAIT_WHEN_LIMITED)
    waited = timedelta(0)
    for tries in count(1):
        if waited >= policy.try_for:
            # An answer that was lost is asked after at once, without a wait.
            return tries + 1
        waited += back_off(tries, draw=DRAW)
    raise AssertionError


@pytest.mark.requirement("INV-13")
@pytest.mark.parametrize(
    "refuser",
    [
        Refusing.BROKEN,
        Refusing.NOT_SIGNED_IN,
        Refusing.TOO_MANY_COME_AT_ONCE,
        Refusing.BAD_REQUEST,
        Refusing.HANGS_UP,
    ],
    indirect=True,
)
async def test_an_entry_is_tried_no_oftener_than_its_policy_allows(
    database: Database, refuser: FakeRefuser, figure: Figure
) -> None:
    """From the first try until a person must look; each time by a worker whose breaker is new."""
    clock, policy = FakeClock(), POLICY[EntryKind.NOTICE_LINK]
    await owe_link(database, clock)
    deliverer = NoticeDeliverer(
        {Channel.TEXT: texts_of(refuser)},
        database=database,
        clock=clock,
        public_origin="https://visits.example.org",
    )
    limit = most_tries(policy, refuser.how)

    while (entry := await notice(database)).state is not EntryState.PARKED:
        clock.advance(seconds=max(0.0, (entry.next_at - clock.now()).total_seconds()))
        runner = runner_for(database, deliverer, clock, lane=Lane.NOTICE)
        await runner.run_until_quiet()
        assert len(refuser.asked) <= limit

    assert refuser.asked
    if refuser.how not in LIMITED:
        assert len(refuser.asked) == entry.attempts
    await deliverer.close()
    figure(f"a notice at {refuser.how.value}: {len(refuser.asked)} calls, {limit} allowed")


async def owe_link(database: Database, clock: FakeClock) -> None:
    """Book a visit, whose link is owed to a patient with a telephone."""
    async with database.unit_of_work() as uow:
        clinic = await invent_clinic(uow, now=clock.now())
    await change_person(database, clinic.patient_id, phone="+1 312-555-0101")
    async with database.unit_of_work() as uow:
        await booking.book(
            uow,
            by=clinic.actor(Role.SCHEDULER),
            now=clock.now(),
            patient_id=clinic.patient_id,
            provider_id=clinic.provider_id,
            starts_at=clock.now() + timedelta(hours=8),
            ends_at=clock.now() + timedelta(hours=9),
        )


async def notice(database: Database) -> Any:
    """Return the one notice that is owed."""
    [found] = [each for each in await entries(database) if each.lane is Lane.NOTICE]
    return found
