"""A link that narrows to 300 and to 64 kbit/s and widens again: sound stays, pictures follow."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.browsers import Browsers, Screen
from tests.support.call_bridge import CallBridge
from tests.support.lossy_link import LossyLink
from tests.support.requirements import Figure
from tests.support.weather import CLEAR, Weather

WIDE, NARROW, THREAD = (
    Weather(rate_bps=rate, delay_s=0.01) for rate in (2_000_000, 300_000, 64_000)
)
VIEWER = "bob"
SETTLED_S = 8.0
VOICE_A_SECOND = 50


class LinkedBridge(CallBridge):
    """A bridge whose one viewer reaches the node through a link."""

    link: LossyLink

    def _send(self, name: str, message: dict[str, Any]) -> None:
        if name == VIEWER and message.get("sdp"):
            message = {**message, "sdp": self.link.through(message["sdp"])}
        super()._send(name, message)

    def narrow(self, weather: Weather) -> None:
        """Change what the node's packets meet on their way to the viewer."""
        self.run(lambda: self.link.set_weather(down=weather))


@pytest.fixture
def bridge(seed: int) -> Iterator[LinkedBridge]:
    made = LinkedBridge()
    made.start()
    made.link = made.run(lambda: LossyLink(made.lab.address, seed=seed))
    try:
        yield made
    finally:
        made.run(made.link.close)
        made.stop()


def enter(browsers: Browsers, bridge: LinkedBridge, name: str) -> Screen:
    screen = browsers.screen(name)
    screen.page.goto(bridge.origin)
    screen.page.evaluate("([name, port]) => enter(name, port)", [name, bridge.port])
    return screen


def seen(screen: Screen) -> tuple[int, int, int]:
    """(pictures decoded, their width, packets of sound) so far."""
    found = screen.page.evaluate("inbound()")
    video = [each for each in found if each["kind"] == "video"]
    return (
        sum(each.get("framesDecoded", 0) for each in video),
        max((each.get("frameWidth", 0) for each in video), default=0),
        sum(each.get("packetsReceived", 0) for each in found if each["kind"] == "audio"),
    )


def seconds_until(screen: Screen, is_so: Callable[[], bool], *, within_s: float = 25.0) -> float:
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + within_s, seen(screen)
        screen.page.wait_for_timeout(100)
    return time.monotonic() - began


def stands_still(screen: Screen) -> bool:
    """Say whether no picture is decoded for a second and a half."""
    before, _, _ = seen(screen)
    screen.page.wait_for_timeout(1_500)
    return seen(screen)[0] == before


def voice_share(screen: Screen, seconds: float) -> float:
    """Share of the sound that arrives while nothing is changed."""
    _, _, before = seen(screen)
    began = time.monotonic()
    screen.page.wait_for_timeout(seconds * 1_000)
    return (seen(screen)[2] - before) / VOICE_A_SECOND / (time.monotonic() - began)


@pytest.mark.requirement("REL-NET-04")
@pytest.mark.timeout(180)
def test_sound_outlives_a_narrow_link_and_pictures_follow_it(
    bridge: LinkedBridge, browsers: Browsers, figure: Figure
) -> None:
    bridge.narrow(WIDE)
    enter(browsers, bridge, "ann")
    bob = enter(browsers, bridge, VIEWER)
    seconds_until(bob, lambda: seen(bob)[1] >= 640)
    bob.page.wait_for_timeout(SETTLED_S * 1_000)
    widest = seen(bob)[1]

    bridge.narrow(NARROW)
    lower_s = seconds_until(bob, lambda: 0 < seen(bob)[1] <= 320)
    voice_narrow = voice_share(bob, SETTLED_S)

    bridge.narrow(THREAD)
    off_s = seconds_until(bob, lambda: stands_still(bob)) - 1.5
    voice_thread = voice_share(bob, SETTLED_S)

    bridge.narrow(CLEAR)
    before = seen(bob)[0]
    back_s = seconds_until(bob, lambda: seen(bob)[0] > before + 5)

    figure(
        f"from {widest} px at 2 Mbit/s: lower {lower_s:.1f} s after a cap of 300 kbit/s, voice "
        f"{voice_narrow:.0%}; off {off_s:.1f} s after one of 64 kbit/s, voice {voice_thread:.0%}; "
        f"pictures back {back_s:.1f} s after it"
    )
    assert voice_narrow > 0.85
    assert voice_thread > 0.75
    assert lower_s < 10
    assert back_s < 20
