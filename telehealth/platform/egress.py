"""The one maker of outbound HTTP clients.

A partner's base URL is configured by the operator; everything else a request might be talked into
reaching is refused: other hosts, redirects, addresses of our own network, endless answers.

Source:
    OWASP SSRF Prevention Cheat Sheet; the address is checked on the connection that is used, so
    that a name which resolves differently a moment later gains nothing.
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import httpx

from telehealth.platform.errors import TelehealthError

ANSWER_LIMIT_BYTES: Final = 1024 * 1024
_TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
_LIMITS: Final = httpx.Limits(max_connections=8, max_keepalive_connections=4)


class EgressRefused(TelehealthError):
    """An outbound request that leaves the partner it is for, or an answer that is too large."""

    code = "egress.refused"
    public_message = "Something went wrong on our side. Please try again."


def partner_client(
    *,
    base_url: str,
    timeout_s: float | None = None,
    answer_limit_bytes: int = ANSWER_LIMIT_BYTES,
    verify: ssl.SSLContext | bool = True,
) -> httpx.AsyncClient:
    """Make the client for one partner; the caller closes it.

    Relative URLs go to `base_url`; an absolute one must have its origin.  A partner configured by
    a private address or a local name may be reached there; a public name that leads to a private
    address is refused.

    Args:
        base_url: Configured by the operator.
        timeout_s: For the whole exchange of each part (connect, read, write); 10 s by default.
        answer_limit_bytes: A longer answer is cut off with `EgressRefused`.
        verify: TLS verification; a context for a partner with an authority of its own.
    """
    may_be_private = is_local(urlsplit(base_url).hostname or "")
    transport = httpx.AsyncHTTPTransport(verify=verify, limits=_LIMITS, trust_env=False)
    # The pool is httpcore's; giving it our network backend is how httpx lets one see addresses.
    transport._pool._network_backend = _CheckedNetwork(  # noqa: SLF001  (no public way in 0.28)
        may_be_private=may_be_private
    )
    return httpx.AsyncClient(
        base_url=base_url,
        transport=_OnePartner(transport, base_url, answer_limit_bytes),
        timeout=_TIMEOUT if timeout_s is None else httpx.Timeout(timeout_s),
        follow_redirects=False,
        trust_env=False,
    )


def is_local(host: str) -> bool:
    """Say whether a configured host is itself a private address or a local name."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal"))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address belongs to the Internet at large."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    known = mapped or address
    return known.is_global and not known.is_multicast


class _OnePartner(httpx.AsyncBaseTransport):
    """Refuses other origins; cuts answers that are too long."""

    def __init__(self, inner: httpx.AsyncBaseTransport, base_url: str, limit: int) -> None:
        self._inner = inner
        self._origin = _origin(httpx.URL(base_url))
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._origin:
            raise EgressRefused
        # What was not compressed cannot unfold into more than was sent.
        request.headers["accept-encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise EgressRefused
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  (async transport)
        response.stream = _Limited(response.stream, self._limit)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Limited(httpx.AsyncByteStream):
    """An answer's bytes, up to a limit."""

    def __init__(self, inner: httpx.AsyncByteStream, limit: int) -> None:
        self._inner = inner
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise EgressRefused
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects, then looks at whom it has reached, before a byte is sent."""

    def __init__(self, *, may_be_private: bool) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._may_be_private = may_be_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's interface)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        reached = stream.get_extra_info("server_addr")
        if not self._may_be_private and not is_public(ip_address(reached[0].split("%")[0])):
            await stream.aclose()
            raise EgressRefused
        return stream

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's interface)
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        del path, timeout, socket_options
        raise EgressRefused

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
