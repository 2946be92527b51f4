"""Helps tests of chart sync: a deliverer wired to an EHR, and a lane run to its end."""

import json
from pathlib import Path

from telehealth.chart_sync.actions import ChartDeliverer, ChartPlace
from telehealth.chart_sync.fhir_client import FhirClient, http_exchange
from telehealth.chart_sync.smart_sign_in import BackendSignIn, ClientKey
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database

PLACE = ChartPlace(deployment="demo", patient_system="urn:demo:medical-record-number")


def chart_deliverer(
    base_url: str, *, database: Database, clock: Clock, key_file: Path | None = None
) -> ChartDeliverer:
    """Wire a deliverer as the worker does."""
    exchange = http_exchange(base_url)
    sign_in = None
    if key_file is not None:
        sign_in = BackendSignIn(
            exchange,
            base_url=base_url,
            client_id="telehealth",
            key=ClientKey.from_jwk(json.loads(key_file.read_text())),
            clock=clock,
            open_exchange=http_exchange,
        )
    client = FhirClient(exchange, base_url=base_url, sign_in=sign_in, clock=clock)
    return ChartDeliverer(client, database=database, clock=clock, place=PLACE)
