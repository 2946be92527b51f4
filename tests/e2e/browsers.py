"""Real Chromium contexts that notice what a person would not: foreign requests, errors."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

SCREENS = Path(__file__).parents[2] / "build" / "screens"
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_OURS = re.compile(r"^(http|ws)://(localhost|127\.0\.0\.1)(:\d+)?/|^(data|blob):")
# Kept where a test can read its figures; the page itself keeps its connection to itself.
REMEMBER_PEERS = """
  globalThis.__peers = [];
  const Real = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...settings) { super(...settings); globalThis.__peers.push(this); }
  };
"""
_FIGURES = """async () => {
  const peers = globalThis.__peers.filter((each) => each.connectionState === "connected");
  const peer = peers.at(-1);
  if (!peer) return null;
  const stats = [...(await peer.getStats()).values()];
  const of = (type) => stats.filter((each) => each.type === type);
  const transport = of("transport")[0] ?? {};
  const pair = stats.find((each) => each.id === transport.selectedCandidatePairId);
  const remote = pair && stats.find((each) => each.id === pair.remoteCandidateId);
  const inbound = (kind) => of("inbound-rtp").filter((each) => each.kind === kind);
  const sum = (list, name) => list.reduce((all, each) => all + (each[name] ?? 0), 0);
  return {
    frames_decoded: sum(inbound("video"), "framesDecoded"),
    audio_packets: sum(inbound("audio"), "packetsReceived"),
    video_packets: sum(inbound("video"), "packetsReceived"),
    frames_sent: sum(of("outbound-rtp").filter((each) => each.kind === "video"), "framesSent"),
    remote_port: remote?.port, remote_address: remote?.address, protocol: remote?.protocol,
    srtp_cipher: transport.srtpCipher, dtls_state: transport.dtlsState,
    tls_version: transport.tlsVersion, dtls_role: transport.dtlsRole,
  };
}"""


@dataclass
class Watch:
    """What went wrong in one context, if anything."""

    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def on_request(self, request: Request) -> None:
        """Note a request to somebody else."""
        if not _OURS.match(request.url):
            self.foreign.append(request.url)

    def on_console(self, message: ConsoleMessage) -> None:
        """Note a broken content security policy, or an error of ours."""
        text = message.text
        # A refused request is logged by the browser itself, and some refusals belong to a visit.
        if message.type == "error" and "Failed to load resource" not in text:
            self.complaints.append(text)


class Screen:
    """One person's browser: a context of its own, with one page."""

    def __init__(self, context: BrowserContext, *, name: str) -> None:
        self.name = name
        self.watch = Watch()
        context.on("request", self.watch.on_request)
        context.add_init_script(REMEMBER_PEERS)
        self.context = context
        self.page: Page = context.new_page()
        self._listen()

    def figures(self) -> dict[str, Any] | None:
        """Return what getStats says of the living connection; None without one."""
        told: dict[str, Any] | None = self.page.evaluate(_FIGURES)
        return told

    def shoot(self, name: str) -> None:
        """Write the screen as pictures, wide and narrow."""
        before = self.page.viewport_size
        SCREENS.mkdir(parents=True, exist_ok=True)
        for size, width in ((DESKTOP, "1280"), (PHONE, "390")):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.wait_for_timeout(150)
            self.page.screenshot(path=SCREENS / f"{name}-{width}.png", full_page=True)
        if before is not None:
            self.page.set_viewport_size(before)

    def scrolls_sideways(self) -> bool:
        """Say whether something is wider than the screen."""
        is_wide: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return is_wide

    def _listen(self) -> None:
        self.page.on("console", self.watch.on_console)
        self.page.on("pageerror", lambda error: self.watch.complaints.append(str(error)))


class Browsers:
    """One Chromium, a context a person."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.screens: list[Screen] = []

    def screen(self, name: str, *, is_phone: bool = False) -> Screen:
        """Open a browser for somebody."""
        context = self._browser.new_context(
            viewport=PHONE if is_phone else DESKTOP,  # type: ignore[arg-type]
            locale="en-US",
            timezone_id="America/Chicago",
            permissions=["camera", "microphone"],
        )
        context.set_default_timeout(20_000)
        screen = Screen(context, name=name)
        self.screens.append(screen)
        return screen

    def complaints(self) -> list[str]:
        """Return what any browser had to complain about."""
        return [
            f"{screen.name}: {each}"
            for screen in self.screens
            for each in [*screen.watch.foreign, *screen.watch.complaints]
        ]


@contextmanager
def chromium() -> Iterator[Browsers]:
    """Run Debian's Chromium, or the one `CHROMIUM` names."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            headless=True,
            args=FLAGS,
        )
        try:
            yield Browsers(browser)
        finally:
            browser.close()
