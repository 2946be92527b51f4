"""The outbound client against a server on loopback that misbehaves."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from telehealth.platform.egress import EgressRefused, partner_client

REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
PACKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"


def plain(size: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size


@pytest.fixture
async def answers() -> AsyncIterator[tuple[str, list[bytes], list[bytes]]]:
    """Base URL of a server, what it will answer in turn, and what it was asked."""
    waiting: list[bytes] = []
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while waiting:
            try:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            writer.write(waiting.pop(0))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/fhir", waiting, asked
    server.close()
    await server.wait_closed()


Answers = tuple[str, list[bytes], list[bytes]]


async def test_a_configured_local_partner_is_reached(answers: Answers) -> None:
    base_url, waiting, asked = answers
    waiting.append(plain(3))
    async with partner_client(base_url=base_url) as client:
        response = await client.get("Encounter/1")

    assert (response.status_code, response.text) == (200, "xxx")
    assert asked[0].startswith(b"GET /fhir/Encounter/1 HTTP/1.1")
    assert b"accept-encoding: identity" in asked[0].lower()


async def test_a_redirect_is_an_answer_not_an_order(answers: Answers) -> None:
    base_url, waiting, asked = answers
    waiting.append(REDIRECT)
    async with partner_client(base_url=base_url) as client:
        response = await client.get("x")

    assert response.status_code == 302
    assert len(asked) == 1


async def test_an_endless_answer_is_cut_off(answers: Answers) -> None:
    base_url, waiting, _ = answers
    waiting.append(plain(4097))
    async with partner_client(base_url=base_url, answer_limit_bytes=4096) as client:
        with pytest.raises(EgressRefused):
            await client.get("x")


async def test_a_packed_answer_is_not_unpacked(answers: Answers) -> None:
    """A kilobyte can unfold into a gigabyte."""
    base_url, waiting, _ = answers
    waiting.append(PACKED)
    async with partner_client(base_url=base_url) as client:
        with pytest.raises(EgressRefused):
            await client.get("x")


async def test_a_public_name_that_leads_home_is_refused_before_a_byte_is_sent(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is made on the connection: what a name said a moment ago does not count."""
    base_url, waiting, asked = answers
    waiting.append(plain(3))
    port = httpx.URL(base_url).port
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def mislead(host: str, *arguments: object, **options: object) -> object:
        named = "127.0.0.1" if host in {"ehr.example.org", b"ehr.example.org"} else host
        return await resolve(named, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "getaddrinfo", mislead)
    async with partner_client(base_url=f"http://ehr.example.org:{port}/fhir") as client:
        with pytest.raises(EgressRefused):
            await client.get("x")

    assert asked == []


async def test_a_proxy_in_the_environment_is_not_asked(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_url, waiting, _ = answers
    waiting.append(plain(1))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with partner_client(base_url=base_url, timeout_s=2.0) as client:
        assert (await client.get("x")).text == "x"
