"""A FHIR R4 server we did not write: Medplum's router, run by Node.js from its wheel.

Installed on first use into build/fhir-server/ from the lock file beside `server.mjs`, started on
a port the system chooses, stopped by whoever started it.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.node_packages import installed_packages, node_binary

_HERE = Path(__file__).with_name("fhir_node")
_ROOT = Path(__file__).parents[2]
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
    node, packages = node_binary(), installed_packages(_HERE, "fhir-server")
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


def _person(
    resource_type: str, system: str, number: str, person: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "resourceType": resource_type,
        "identifier": [{"system": system, "value": number}],
        "name": [{"family": person["family"], "given": [person["given"]]}],
    }
