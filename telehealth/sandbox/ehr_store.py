"""What the simulated chart holds: versions of resources, and a ledger of all it received."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import NAMESPACE_URL, uuid4, uuid5

Resource: TypeAlias = dict[str, Any]

NPI_SYSTEM: Final = "http://hl7.org/fhir/sid/us-npi"
PATIENT_SYSTEM: Final = "urn:demo:medical-record-number"
_MOST_LEDGER_LINES: Final = 5000


class VersionStale(Exception):
    """If-Match named another version than the current one."""


class Store:
    """Resources by type and id, newest version last; kept in one file if one is given."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._versions: dict[str, dict[str, list[Resource]]] = {}
        self.ledger: list[dict[str, Any]] = []
        if path is not None and path.exists():
            kept = json.loads(path.read_text())
            self._versions, self.ledger = kept["resources"], kept["ledger"]

    def preload(self, people: Mapping[str, Any]) -> None:
        """Put the invented people in, unless they are there."""
        for person in people["patients"]:
            self._put_person("Patient", PATIENT_SYSTEM, person["medical_record_number"], person)
        for person in people["providers"]:
            self._put_person("Practitioner", NPI_SYSTEM, person["npi"], person)
        self._keep()

    def create(self, resource: Resource, *, resource_id: str | None = None) -> Resource:
        """Store a new resource under a new id."""
        stored = _stamped(resource, resource_id or str(uuid4()), version=1)
        kind = self._versions.setdefault(stored["resourceType"], {})
        kind[stored["id"]] = [stored]
        self._keep()
        return stored

    def update(self, resource: Resource, *, resource_id: str, if_match: str | None) -> Resource:
        """Store a new version.

        Raises:
            KeyError: No such resource.
            VersionStale: `if_match` names another version.
        """
        versions = self._versions.get(resource["resourceType"], {})[resource_id]
        current = versions[-1]["meta"]["versionId"]
        if if_match is not None and if_match.removeprefix("W/").strip('"') != current:
            raise VersionStale
        stored = _stamped(resource, resource_id, version=int(current) + 1)
        versions.append(stored)
        self._keep()
        return stored

    def read(self, resource_type: str, resource_id: str) -> Resource | None:
        """Return the current version, or None."""
        versions = self._versions.get(resource_type, {}).get(resource_id)
        return versions[-1] if versions else None

    def version(self, resource_type: str, resource_id: str, version: str) -> Resource | None:
        """Return one version, or None."""
        versions = self._versions.get(resource_type, {}).get(resource_id, [])
        return next((one for one in versions if one["meta"]["versionId"] == version), None)

    def everything(self, resource_type: str) -> Sequence[Resource]:
        """List the current versions of one type, oldest first."""
        return [versions[-1] for versions in self._versions.get(resource_type, {}).values()]

    def note(self, line: Mapping[str, Any]) -> None:
        """Write one line into the ledger of what was received."""
        number = self.ledger[-1]["number"] + 1 if self.ledger else 1
        self.ledger.append({"number": number, "at": _now(), **line})
        del self.ledger[:-_MOST_LEDGER_LINES]
        self._keep()

    def _put_person(
        self, resource_type: str, system: str, number: str, person: Mapping[str, Any]
    ) -> None:
        resource_id = str(uuid5(NAMESPACE_URL, f"{system}|{number}"))
        if self.read(resource_type, resource_id) is None:
            resource = _person(resource_type, system, number, person)
            self.create(resource, resource_id=resource_id)

    def _keep(self) -> None:
        """Replace the file as a whole, so that a stop in between leaves the old one."""
        if self._path is None:
            return
        draft = self._path.with_suffix(".new")
        with draft.open("w") as file:
            json.dump({"resources": self._versions, "ledger": self.ledger}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)


def digest(body: bytes) -> str:
    """Return what a ledger line says of a body."""
    return hashlib.sha256(body).hexdigest()


def _person(resource_type: str, system: str, number: str, person: Mapping[str, Any]) -> Resource:
    resource: Resource = {
        "resourceType": resource_type,
        "identifier": [{"system": system, "value": number}],
        "name": [{"family": person["family"], "given": [person["given"]]}],
    }
    if "birth_on" in person:
        resource["birthDate"] = person["birth_on"]
    if "phone" in person:
        resource["telecom"] = [{"system": "phone", "value": person["phone"]}]
    return resource


def _stamped(resource: Resource, resource_id: str, *, version: int) -> Resource:
    meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": _now()}
    return {**resource, "id": resource_id, "meta": meta}


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
