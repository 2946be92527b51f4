"""A patient in Firefox and a provider in Chromium meet through the media node."""

from pathlib import Path

import pytest

from tests.e2e.browsers import Browsers
from tests.e2e.conftest import Figures
from tests.e2e.firefox import FirefoxPatient, firefox
from tests.e2e.people import Provider, flowing
from tests.e2e.product import RunningProduct
from tests.support.own_address import own_address

KEPT = ("frames_decoded", "frames_sent", "audio_packets")


@pytest.mark.timeout(240)
def test_a_patient_in_firefox_and_a_provider_in_chromium_see_and_hear_each_other(
    tmp_path: Path, browsers: Browsers, figures: Figures
) -> None:
    with (
        own_address() as address,
        RunningProduct(tmp_path / "demo", environment={"MEDIA_ADDRESS": address}) as product,
        firefox(tmp_path) as page,
    ):
        visit = product.visits()[0]
        patient = FirefoxPatient(page, product, visit)
        provider = Provider(browsers.screen("provider"), product)
        provider.sign_in(visit.provider_email)
        provider.page.wait_for_url("**/console*")
        patient.come_as_far_as_the_waiting_room()
        provider.card(visit.visit_id).wait_for()
        provider.start(visit.visit_id)
        taken_s = patient.join()

        of_provider = flowing(provider.screen)
        of_patient = page.flowing()

        assert of_patient["protocol"] == "udp"
        assert of_patient["remote_address"] == of_provider["remote_address"] == address
        assert of_provider["srtp_cipher"] == "SRTP_AEAD_AES_128_GCM"
        figures.tell("join to first remote frame, Firefox", f"{taken_s:.2f} s")
        figures.tell("Firefox, patient", {name: of_patient[name] for name in KEPT})
        figures.tell("Chromium, provider", {name: of_provider[name] for name in KEPT})
        assert page.complaints == []
