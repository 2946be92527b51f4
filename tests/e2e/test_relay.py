"""A patient whose network lets no UDP out: the call goes through a real coturn over TCP."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import Browsers
from tests.e2e.conftest import Figures
from tests.e2e.people import Patient, Provider, flowing
from tests.e2e.product import RunningProduct
from tests.support.loopback_turn import loopback_turn
from tests.support.turn_lab import SECRET

RELAY_ONLY = """
  const Direct = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Direct {
    constructor(settings) { super({ ...settings, iceTransportPolicy: "relay" }); }
  };
"""
OWN_END = """async () => {
  const peer = globalThis.__peers.filter((each) => each.connectionState === "connected").at(-1);
  const stats = [...(await peer.getStats()).values()];
  const transport = stats.find((each) => each.type === "transport");
  const pair = stats.find((each) => each.id === transport.selectedCandidatePairId);
  const own = stats.find((each) => each.id === pair.localCandidateId);
  return { type: own.candidateType, over: own.relayProtocol };
}"""


@pytest.mark.timeout(240)
def test_a_patient_behind_a_firewall_calls_through_the_relay(
    tmp_path: Path, browsers: Browsers, figures: Figures
) -> None:
    folder = tmp_path / "turn"
    folder.mkdir()
    with loopback_turn(folder) as port:
        environment = {
            "SIGNALING_TURN_URLS": json.dumps([f"turn:127.0.0.1:{port}?transport=tcp"]),
            "SIGNALING_TURN_SECRET": SECRET,
            # Debian's is older than the version without known flaws; it serves this test alone.
            "SIGNALING_TURN_ACCEPTS_OLD": "true",
        }
        with RunningProduct(tmp_path / "demo", environment=environment) as product:
            visit = product.visits()[0]
            screen = browsers.screen("patient", is_phone=True)
            screen.context.add_init_script(RELAY_ONLY)
            patient = Patient(screen, product, visit)
            provider = Provider(browsers.screen("provider"), product)
            provider.sign_in(visit.provider_email)
            provider.page.wait_for_url("**/console*")
            patient.come_as_far_as_the_waiting_room()
            provider.card(visit.visit_id).wait_for()

            provider.start(visit.visit_id)
            taken_s = patient.join()

            for person in (patient, provider):
                flowing(person.screen)
            own: dict[str, Any] = patient.page.evaluate(OWN_END)
            assert own == {"type": "relay", "over": "tcp"}
            figures.tell("join to first remote frame, relayed over TCP", f"{taken_s:.2f} s")
