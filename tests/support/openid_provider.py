"""An OpenID provider we did not write: panva's oidc-provider, run by Node.js from its wheel.

Installed on first use into build/openid-provider/ from the lock file beside `server.mjs`, started
on a port the system chooses, stopped by whoever started it.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.support.node_packages import installed_packages, node_binary

_HERE = Path(__file__).with_name("oidc_node")
SECRET = "secret-of-the-tests-at-the-provider"


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """A running provider."""

    issuer: str

    def next_person(self, **claims: Any) -> None:
        """Say who signs in from now on."""
        with httpx.Client(trust_env=False) as client:
            client.post(f"{self.issuer}/test/person", json=claims).raise_for_status()

    def asked(self) -> list[str]:
        """Return what it was asked, in order."""
        with httpx.Client(trust_env=False) as client:
            return [str(each) for each in client.get(f"{self.issuer}/test/asked").json()]

    def signed_in(self, authorization_url: str) -> str:
        """Go there as a browser, sign in, and return the address it sends the browser back to."""
        url = authorization_url
        with httpx.Client(trust_env=False) as browser:
            for _ in range(6):
                answer = browser.get(url)
                assert answer.is_redirect, (answer.status_code, answer.text)
                url = str(httpx.URL(url).join(answer.headers["location"]))
                if not url.startswith(self.issuer):
                    return url
        raise AssertionError("the provider never sent the browser back")


def parameters_of(url: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@contextmanager
def running_openid_provider(*, redirect_uri: str) -> Iterator[OpenIdProvider]:
    """Start a provider, wait until it answers, stop it at the end."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "OIDC_PACKAGES": str(installed_packages(_HERE, "openid-provider")),
        "OIDC_REDIRECT": redirect_uri,
        "OIDC_SECRET": SECRET,
        "NODE_NO_WARNINGS": "1",
    }
    process = subprocess.Popen(
        [node_binary(), str(_HERE / "server.mjs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = ""
        for line in process.stdout:
            port = line.strip()
            if port.isdecimal():
                break
        assert port.isdecimal(), "the provider did not start"
        yield OpenIdProvider(issuer=f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
