"""A fake of a bucket under object lock, or a witness, that takes signed heads over HTTP.

It creates objects and never replaces them, as such places do; a fault script makes it silent,
failing or forgetful, and its ledger tells what it was asked.  Runs in a thread of its own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FakeWitness:
    """Objects by path, faults to come, and every request there was."""

    token: str = "witness-token"
    objects: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """One a PUT, in order: `500`, `drop_before`, `drop_after` (kept, and no answer), `redirect`."""
    ledger: list[tuple[str, str]] = field(default_factory=list)
    base_url: str = ""


class _Server(ThreadingHTTPServer):
    """Listens on loopback and knows the fake it stands for."""

    def __init__(self, fake: FakeWitness) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake


class _Handler(BaseHTTPRequestHandler):
    """Answers one request as the script says."""

    server: _Server

    def do_PUT(self) -> None:
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fake.ledger.append(("PUT", self.path))
        fault = fake.faults.pop(0) if fake.faults else ""
        if fault == "drop_before":
            self.close_connection = True
        elif fault in {"500", "redirect"}:
            self._answer(500 if fault == "500" else 307, b"")
        elif self.headers.get("Authorization") != f"Bearer {fake.token}":
            self._answer(401, b"")
        elif self.headers.get("If-None-Match") != "*" or self.path in fake.objects:
            self._answer(412, b"")
        else:
            fake.objects[self.path] = body
            if fault != "drop_after":
                self._answer(201, b"")
            self.close_connection = True

    def do_GET(self) -> None:
        fake = self.server.fake
        fake.ledger.append(("GET", self.path))
        held = fake.objects.get(self.path)
        self._answer(404 if held is None else 200, held or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name)
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status == 307:
            self.send_header("Location", "http://192.0.2.1/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_witness() -> Iterator[FakeWitness]:
    """Listen on loopback, at a port that the system chooses."""
    fake = FakeWitness()
    server = _Server(fake)
    fake.base_url = f"http://127.0.0.1:{server.server_port}/heads"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
