"""What flows past where nobody should see a person: Redis, and a browser's requests."""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis
from playwright.sync_api import BrowserContext, Error, Request, Response, WebSocket

_STORAGE = """async () => {
  const cached = [];
  for (const name of await caches.keys()) {
    const store = await caches.open(name);
    for (const request of await store.keys()) {
      cached.push(request.url, await (await store.match(request)).text());
    }
  }
  return {
    local: {...localStorage}, session: {...sessionStorage}, cached,
    databases: (await indexedDB.databases()).map((each) => each.name),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    cookies: document.cookie, title: document.title,
  };
}"""
_PASSWORD_IN_SDP = re.compile(r"a=(ice-pwd|ice-ufrag):([^\s\\]+)")
_TICKET = re.compile(r'"(ticket)":"([^"]+)"')
_FIRST_REFUSAL = 400


class RedisTap:
    """Every command that reaches the private server, and what lies in it."""

    def __init__(self, socket: str) -> None:
        self.commands: list[str] = []
        self._client = redis.Redis(unix_socket_path=socket)

    @contextmanager
    def listening(self) -> Iterator["RedisTap"]:
        """Follow MONITOR in a thread of its own."""
        listener: Any = self._client.monitor()  # type: ignore[no-untyped-call]
        listener.__enter__()
        thread = threading.Thread(target=self._follow, args=(listener,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            listener.connection.disconnect()
            thread.join(5)
            self._client.close()

    def _follow(self, listener: Any) -> None:
        try:
            while True:
                self.commands.append(str(listener.next_command()["command"]))
        except (redis.RedisError, OSError, ValueError, AttributeError, IndexError):
            return  # disconnected: the run is over

    def contents(self) -> tuple[list[bytes], list[str]]:
        """Return everything stored, and the keys that would stay for ever."""
        held: list[bytes] = []
        for_ever = []
        for key in self._client.scan_iter(count=500):
            held += [key, self._value(key)]
            if self._client.pttl(key) == -1:
                for_ever.append(key.decode())
        return held, for_ever

    def _value(self, key: bytes) -> bytes:
        read: dict[bytes, Callable[[bytes], Any]] = {
            b"string": self._client.get,
            b"hash": self._client.hgetall,
            b"list": lambda name: self._client.lrange(name, 0, -1),
            b"set": self._client.smembers,
            b"zset": lambda name: self._client.zrange(name, 0, -1, withscores=True),
            b"stream": self._client.xrange,
        }
        kind = self._client.type(key)
        return repr(read[kind](key)).encode() if kind in read else b""


class BrowserTap:
    """One context's addresses, referers, refusals, and the secrets it was given."""

    def __init__(self, context: BrowserContext) -> None:
        self.urls: list[str] = []
        self.referers: list[str] = []
        self.refusals: list[str] = []
        self.secrets: dict[str, str] = {}
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("page", lambda page: page.on("websocket", self._on_socket))
        for page in context.pages:
            page.on("websocket", self._on_socket)

    def _on_request(self, request: Request) -> None:
        self.urls.append(request.url)
        if referer := request.headers.get("referer"):
            self.referers.append(referer)

    def _on_response(self, response: Response) -> None:
        wanted = response.url.endswith("/join-tickets")
        if response.status < _FIRST_REFUSAL and not wanted:
            return
        try:
            body = response.text()
        except Error:
            return  # the page went on before the body was read
        if response.status >= _FIRST_REFUSAL:
            self.refusals.append(body)
        for name, value in _TICKET.findall(body):
            self.secrets[f"{name} {len(self.secrets)}"] = value

    def _on_socket(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framesent", self._on_frame)
        socket.on("framereceived", self._on_frame)

    def _on_frame(self, frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode(errors="replace")
        for name, value in _PASSWORD_IN_SDP.findall(text):
            self.secrets[f"{name} {value[:2]}"] = value


def storage_of(page: Any) -> Mapping[str, Any]:
    """Return what a browser keeps of us."""
    told: dict[str, Any] = page.evaluate(_STORAGE)
    return told
