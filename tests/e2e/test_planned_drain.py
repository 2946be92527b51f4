"""The worker that carries a visit is told to go: both sides keep seeing and hearing each other."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import Browsers, Screen
from tests.e2e.conftest import Figures
from tests.e2e.people import Patient, Provider, flowing
from tests.e2e.product import RunningProduct
from tests.e2e.test_first_visit import udp_port_of

pytestmark = pytest.mark.timeout(180)

GOAL_MS = 500
SOUND_LIMIT_MS = 3_000
PICTURE_LIMIT_MS = 10_000
"""Beyond the end of the move: on a machine that is busy otherwise a picture once came over only
when the place before was gone."""
WITHIN_S = 20.0
CALM_MS = 3_000
"""For so long nothing happens at first: what the machine itself costs is told beside the figure."""
# What a person sees and hears: the frames the tile presents, the sound that is played, the banner.
WATCH = """() => {
  const tile = document.querySelector(".tile:not(.self)");
  const [video, audio] = [tile.querySelector("video"), tile.querySelector("audio")];
  const seen = { picture: performance.now(), sound: performance.now() };
  const seenOf = { picture_ms: 0, sound_ms: 0, pictures: 0, sounds: 0, troubles: [] };
  globalThis.__watch = seenOf;
  const note = (kind) => {
    const now = performance.now();
    seenOf[`${kind}_ms`] = Math.max(seenOf[`${kind}_ms`], now - seen[kind]);
    seen[kind] = now;
    seenOf[`${kind}s`] += 1;
  };
  const onFrame = () => { note("picture"); video.requestVideoFrameCallback(onFrame); };
  video.requestVideoFrameCallback(onFrame);
  let last = 0;
  setInterval(() => {
    const track = audio.srcObject?.getTracks()[0];
    const receivers = globalThis.__peers.flatMap((each) => each.getReceivers());
    const source = receivers.find((each) => each.track === track)?.getSynchronizationSources()[0];
    const at = source ? `${source.source} ${source.timestamp}` : last;
    if (at !== last) note("sound");
    last = at;
    const stage = document.querySelector("call-stage");
    const word = stage.dataset.connection;
    if (word !== "connected" || tile.classList.contains("reconnecting")) seenOf.troubles.push(word);
  }, 10);
}"""
FROM_NOW = """() => {
  const told = { ...globalThis.__watch };
  Object.assign(globalThis.__watch, { picture_ms: 0, sound_ms: 0 });
  return told;
}"""
OPEN = "() => globalThis.__peers.filter((each) => each.connectionState !== 'closed').length"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[RunningProduct]:
    with RunningProduct(tmp_path / "data") as running:
        yield running
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def worker_of(product: RunningProduct, screen: Screen) -> int:
    """Return the process id of the media worker that carries a call."""
    port = (screen.figures() or {})["remote_port"]
    return next(pid for pid in product.media_workers() if udp_port_of(pid) == port)


def comes_over(screen: Screen, port: int) -> None:
    """Wait until the one connection that is left goes to another worker."""
    started = time.monotonic()
    while time.monotonic() - started < WITHIN_S:
        figures = screen.figures()
        if figures and figures["remote_port"] != port and screen.page.evaluate(OPEN) == 1:
            return
        screen.page.wait_for_timeout(50)
    raise AssertionError(f"{screen.name} stayed: {screen.figures()}")


def test_a_planned_drain_is_not_noticed_by_the_people_in_the_call(
    product: RunningProduct, browsers: Browsers, figures: Figures
) -> None:
    visit = product.visits()[0]
    patient = Patient(browsers.screen("patient", is_phone=True), product, visit)
    provider = Provider(browsers.screen("provider"), product)
    provider.sign_in(visit.provider_email)
    patient.come_as_far_as_the_waiting_room()
    provider.start(visit.visit_id)
    patient.join()
    screens = (patient.screen, provider.screen)
    ports = {screen.name: flowing(screen)["remote_port"] for screen in screens}
    for screen in screens:
        screen.page.evaluate(WATCH)
    screens[0].page.wait_for_timeout(CALM_MS)
    calm = {screen.name: screen.page.evaluate(FROM_NOW) for screen in screens}

    os.kill(worker_of(product, provider.screen), signal.SIGTERM)

    told: dict[str, dict[str, Any]] = {}
    for screen in screens:
        comes_over(screen, ports[screen.name])
    for screen in screens:
        flowing(screen)
        told[screen.name] = screen.page.evaluate("globalThis.__watch")
    for screen in screens:
        screen.shoot(f"drain-{screen.name}")
    for name, seen in told.items():
        gaps = {
            kind: f"{seen[f'{kind}_ms']:.0f} ms, before it {calm[name][f'{kind}_ms']:.0f} ms"
            for kind in ("picture", "sound")
        }
        figures.tell(f"planned drain, longest gap seen by the {name} (goal {GOAL_MS} ms)", gaps)
        assert min(seen["pictures"], seen["sounds"]) > 20, seen
        assert seen["sound_ms"] < SOUND_LIMIT_MS, seen
        assert seen["picture_ms"] < PICTURE_LIMIT_MS, seen
        assert seen["troubles"] == []
