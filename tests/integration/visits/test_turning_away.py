"""Somebody disabled in the middle of a call: REST, socket and media end, in real processes."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from signaling.client import SignalingClient
from signaling.contract.messages import (
    AckSlots,
    Ok,
    PublicationAdded,
    Publish,
    SlotsMapped,
    Source,
    Subscribe,
    Want,
    Welcome,
)
from tests.e2e.product import DemoVisit, RunningProduct
from tests.support.headless_peer import HeadlessPeer
from tests.support.product_client import ProductClient, client_of
from tests.support.signaling_lab import Guest, until

SPEAK_EVERY_S = 0.02
LISTEN_FOR_S = 4.0
CHECK_IN = {
    "place_state": "IL",
    "place_address": "1 Invented Street",
    "call_back_number": "(312) 555-0101",
    "consent_text_id": "video-visit",
    "consent_version": 1,
    "language": "en",
}
DEVICE = {
    "outcome": "passed",
    **dict.fromkeys(("microphone", "camera", "speaker", "network"), "pass"),
}


@dataclass
class Ends:
    """When each way in ended, in seconds after the administrator's answer was asked for."""

    rest_s: float = 99.0
    socket_s: float = 99.0
    media_s: float = 0.0
    close_code: int = 0


async def waiting(patient: ProductClient, visit: DemoVisit) -> int:
    """Bring the patient into the waiting room; return the visit's version."""
    path = f"/v1/visit-links/{visit.secret}/open"
    assert (await patient.post(path, {"birth_date": visit.birth_on})).status_code == 200
    assert (await patient.get("/v1/visit")).status_code == 200
    checked_in = await patient.post(f"/v1/visits/{visit.visit_id}/check-in", CHECK_IN)
    assert checked_in.status_code == 200, checked_in.text
    tested = await patient.post(f"/v1/visits/{visit.visit_id}/device-check", DEVICE)
    assert tested.status_code == 200, tested.text
    return int(tested.json()["version"])


@contextlib.asynccontextmanager
async def seated(browser: ProductClient, visit: DemoVisit) -> AsyncIterator[Guest]:
    """Take a ticket and the seat it is for."""
    answered = await browser.post(f"/v1/visits/{visit.visit_id}/join-tickets")
    assert answered.status_code == 200, answered.text
    ticket = answered.json()
    async with SignalingClient.open(ticket["socket_url"], origin=browser.origin) as client:
        welcome = await client.hello(ticket["ticket"])
        assert isinstance(welcome, Welcome)
        yield Guest(client=client, welcome=welcome)


async def hear(speaker: Guest, hearer: Guest) -> str:
    """Have one hear the other's microphone; return the mid it arrives at."""
    answer = await speaker.client.ask(Publish(id=1, source=Source.MIC, mid="0"))
    assert isinstance(answer, Ok)
    name = answer.publication_id
    assert name is not None
    await hearer.client.heard(
        PublicationAdded, where=lambda told: told.publication.publication_id == name
    )
    await hearer.client.tell(Subscribe(id=1, wants=(Want(publication_id=name),)))
    mapped = await hearer.client.heard(
        SlotsMapped, where=lambda told: any(s.publication_id == name for s in told.slots)
    )
    await hearer.client.tell(AckSlots(id=1, map_id=mapped.map_id))
    return next(slot.mid for slot in mapped.slots if slot.publication_id == name)


async def speak(peer: HeadlessPeer) -> None:
    """Send sound for ever, whatever anybody says."""
    while True:
        peer.send_audio()
        await asyncio.sleep(SPEAK_EVERY_S)


async def watch_rest(browser: ProductClient, started: float, ends: Ends) -> None:
    """Ask until refused."""
    while (await browser.get("/v1/me")).status_code == 200:
        await browser.get("/v1/me")
    ends.rest_s = time.monotonic() - started


async def watch_socket(guest: Guest, started: float, ends: Ends) -> None:
    """Wait until the socket is closed."""
    ends.close_code = await guest.client.closed(within_s=30)
    ends.socket_s = time.monotonic() - started


async def watch_media(peer: HeadlessPeer, mid: str, started: float, ends: Ends) -> None:
    """Note when the last packet arrived."""
    count = len(peer.received[mid])
    while time.monotonic() - started < LISTEN_FOR_S:
        await asyncio.sleep(0.005)
        if len(peer.received[mid]) > count:
            count = len(peer.received[mid])
            ends.media_s = time.monotonic() - started


@pytest.mark.requirement("SEC-ACL-06", "INV-16")
@pytest.mark.timeout(300)
async def test_somebody_disabled_in_a_call_is_out_of_rest_socket_and_media(
    tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """All processes are real ones: visit service, worker, signaling, media node, Redis."""
    # The product runs in processes of its own; starting it holds up nobody here.
    product = await asyncio.to_thread(RunningProduct(tmp_path / "demo").__enter__)
    try:
        ends = await disabled_in_a_call(product)
    finally:
        await asyncio.to_thread(product.__exit__, None, None, None)

    figure(
        f"disabled in a call: REST refused after {1000 * ends.rest_s:.0f} ms, socket closed "
        f"({ends.close_code}) after {1000 * ends.socket_s:.0f} ms, last packet forwarded after "
        f"{1000 * ends.media_s:.0f} ms"
    )
    assert ends.rest_s < 1
    assert ends.socket_s < 2
    assert ends.media_s < 2


def notices_owed(product: RunningProduct) -> int:
    """Count what is still to be sent: a new demo texts the day's links to everybody at once."""
    file = make_url(product.database_url).database
    with contextlib.closing(sqlite3.connect(str(file))) as database:
        [owed] = database.execute(
            "SELECT count(*) FROM ledger_entry WHERE lane = 'notice' AND settled_at IS NULL"
        ).fetchone()
    return int(owed)


async def disabled_in_a_call(product: RunningProduct) -> Ends:
    """Let a provider and a patient talk, disable the provider, see what ends when."""
    visit, memory = product.visits()[0], product.memory
    async with (
        client_of(product.origin) as patient,
        client_of(product.origin) as provider,
        client_of(product.origin) as desk,
    ):
        version = await waiting(patient, visit)
        await provider.sign_in(visit.provider_email, product.password)
        await desk.sign_in(str(memory["administrator_email"]), product.password)
        called = await provider.post(f"/v1/visits/{visit.visit_id}/call", {"version": version})
        assert called.status_code == 200, called.text
        staff = (await desk.get("/v1/staff")).json()["staff"]
        await until(lambda: notices_owed(product) == 0, within_s=60.0)
        [person] = [each for each in staff if each["email"] == visit.provider_email]
        async with (
            seated(provider, visit) as host,
            seated(patient, visit) as guest,
            host.call() as speaker,
            guest.call() as hearer,
        ):
            mid = await hear(host, guest)
            speaking = asyncio.create_task(speak(speaker))
            await until(lambda: len(hearer.received[mid]) >= 25)
            ends, started = Ends(), time.monotonic()
            path = f"/v1/staff/{person['person_id']}/disable"
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(watch_rest(provider, started, ends))
                    group.create_task(watch_socket(host, started, ends))
                    group.create_task(watch_media(hearer, mid, started, ends))
                    disabled = await desk.post(path, {"reason": "account_at_risk"})
            finally:
                speaking.cancel()
            assert disabled.json()["seats_revoked"] >= 1
            refused = await provider.post(f"/v1/visits/{visit.visit_id}/join-tickets")
            assert refused.status_code == 401
    return ends
