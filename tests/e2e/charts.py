"""What a chart holds after a visit: the simulator's, and a FHIR server's we did not write."""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Resources = Mapping[str, Sequence[Mapping[str, Any]]]
KINDS = ("Encounter", "DocumentReference")


def in_sandbox(data: Path) -> Resources:
    """Read the simulator's chart; newest version of each resource."""
    kept = json.loads((data / "sandbox_ehr.json").read_text())["resources"]
    return {kind: [versions[-1] for versions in kept.get(kind, {}).values()] for kind in KINDS}


def settled(read: Callable[[], Resources], *, within_s: float = 30.0) -> Resources:
    """Wait until both kinds are there, then a moment more for what would be one too many."""
    give_up_at = time.monotonic() + within_s
    while time.monotonic() < give_up_at and not all(read()[kind] for kind in KINDS):
        time.sleep(0.2)
    time.sleep(1.5)
    return read()


def check_one_of_each(held: Resources, *, visit_id: str, note: str) -> None:
    """See exactly one finished virtual Encounter of this visit, and its one note."""
    [encounter] = held["Encounter"]
    [document] = held["DocumentReference"]
    assert encounter["class"]["code"] == "VR"
    assert encounter["status"] == "finished"
    assert any(visit_id in each["value"] for each in encounter["identifier"])
    assert encounter["period"]["start"] < encounter["period"]["end"]
    link = document["context"]["encounter"][0]["reference"]
    assert link == f"Encounter/{encounter['id']}"
    assert document["subject"]["reference"] == encounter["subject"]["reference"]
    assert document["docStatus"] == "final"
    text = base64.b64decode(document["content"][0]["attachment"]["data"]).decode()
    assert note in text
