"""A patient's record, judged by a FHIR server we did not write."""

import httpx
import pytest

from telehealth.privacy.bundle import bundle
from telehealth.visits.lifecycle import VisitState
from tests.support.fhir_server import running_fhir_server
from tests.support.records import record, visit
from tests.support.requirements import Figure


@pytest.mark.requirement("PRV-09")
def test_a_fhir_server_finds_the_bundle_and_all_in_it_valid(figure: Figure) -> None:
    """Medplum's validation: cardinality, unknown properties, types, invariants."""
    made = bundle(record(*(visit(number, state) for number, state in enumerate(VisitState))))

    with running_fhir_server() as server, httpx.Client(trust_env=False) as client:
        whole = client.post(f"{server.base_url}/Bundle", json=made)
        assert whole.status_code == 201, whole.text
        for entry in made["entry"]:
            resource = entry["resource"]
            kind = resource["resourceType"]
            reply = client.post(f"{server.base_url}/{kind}", json=resource)
            assert reply.status_code == 201, (kind, reply.text)
        broken = {**made["entry"][0]["resource"], "nickname": "x"}
        refused = client.post(f"{server.base_url}/Patient", json=broken)
        assert refused.status_code == 400, "the server does validate"
    figure(f"{len(made['entry'])} resources valid, one broken on purpose refused")
