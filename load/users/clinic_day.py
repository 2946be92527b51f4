"""A clinic's day on the REST side: waiting patients, a provider's console, a scheduler's board.

Run by `make load` against a demo on loopback; bounded by locust's own user count and run time.
The demo's `demo.json` (environment DEMO_JSON) gives sign-ins and links.
"""

import json
import os
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from locust import HttpUser, between, constant, task

_MEMORY: dict[str, Any] = json.loads(Path(os.environ["DEMO_JSON"]).read_text())
_next_visit = count()


class _Browser(HttpUser):
    """Keeps cookies; sends Origin and the CSRF header as our pages do."""

    abstract = True

    def act(self, path: str, body: dict[str, Any], *, name: str) -> None:
        """Send an unsafe request."""
        token = self.client.cookies.get("__Host-csrf", "")
        headers = {"Origin": str(self.host), "X-CSRF-Token": token}
        self.client.post(path, json=body, headers=headers, name=name)

    def see(self, path: str) -> None:
        """Read something; an expired access token is renewed once."""
        with self.client.get(path, catch_response=True) as answer:
            if answer.status_code == 401:
                answer.success()
                self.act("/v1/session/refresh", {}, name="/v1/session/refresh")


class WaitingPatient(_Browser):
    """Opens a link, then polls the visit as the waiting page does."""

    wait_time = constant(2)
    weight = 4

    def on_start(self) -> None:
        """Open the next link of the day."""
        visit = _MEMORY["visits"][next(_next_visit) % len(_MEMORY["visits"])]
        self.client.get(f"/v/{visit['secret']}", name="/v/[link]")
        self.act(
            f"/v1/visit-links/{visit['secret']}/open",
            {"birth_date": visit["birth_on"]},
            name="/v1/visit-links/[link]/open",
        )

    @task
    def wait(self) -> None:
        """Look where the visit stands."""
        self.see("/v1/visit")


class _Staff(_Browser):
    abstract = True
    email: ClassVar[str]

    def on_start(self) -> None:
        """Sign in."""
        self.client.get("/sign-in")
        self.act(
            "/v1/sign-in",
            {"email": self.email, "password": _MEMORY["password"]},
            name="/v1/sign-in",
        )


class Provider(_Staff):
    """Has the console open."""

    wait_time = constant(2)
    weight = 2
    email = _MEMORY["providers"][0]["email"]

    @task
    def watch_queue(self) -> None:
        """Poll the consult queue."""
        self.see("/v1/consult-queue")


class Scheduler(_Staff):
    """Has the day board open."""

    wait_time = between(1, 3)
    weight = 1
    email = _MEMORY["scheduler_email"]

    @task
    def watch_day(self) -> None:
        """Poll the board."""
        self.see("/v1/day-board")
