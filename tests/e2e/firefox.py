"""A real Firefox, driven by WebDriver BiDi over its own socket: Playwright's is a patched build.

Source:
    W3C WebDriver BiDi; `--remote-debugging-port=0` makes Firefox print where it listens.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.e2e.browsers import REMEMBER_PEERS
from tests.e2e.product import DemoVisit, RunningProduct

STARTED_WITHIN_S = 60.0
SHOWN_WITHIN_S = 30.0
_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
# A fake camera and microphone; loopback for media; nobody is called but the product.
_PREFERENCES: dict[str, object] = {
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "en-US",
    "media.autoplay.default": 0,
    "media.gmp-provider.enabled": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
}
# Without a sound card Firefox never runs an AudioContext, and the device check hears nothing of
# the fake microphone; this stands in for the card.  The call itself does not go through it.
_FAKE_SOUND_CARD = """
  AnalyserNode.prototype.getFloatTimeDomainData = (samples) => samples.fill(0.2);
"""
_FIGURES = """async () => {
  const open = globalThis.__peers.filter((each) => each.connectionState === "connected");
  const peer = open.at(-1);
  if (!peer) return null;
  const stats = [...(await peer.getStats()).values()];
  const of = (type, kind) => stats.filter((each) => each.type === type && each.kind === kind);
  const sum = (list, name) => list.reduce((all, each) => all + (each[name] ?? 0), 0);
  const pair = stats.find((each) => each.type === "candidate-pair" && each.selected);
  const remote = pair && stats.find((each) => each.id === pair.remoteCandidateId);
  return {
    frames_decoded: sum(of("inbound-rtp", "video"), "framesDecoded"),
    audio_packets: sum(of("inbound-rtp", "audio"), "packetsReceived"),
    frames_sent: sum(of("outbound-rtp", "video"), "framesSent"),
    audio_sent: sum(of("outbound-rtp", "audio"), "packetsSent"),
    pictures_asked: sum(of("inbound-rtp", "video"), "pliCount"),
    remote_port: remote?.port, remote_address: remote?.address, protocol: remote?.protocol,
  };
}"""
_PRESS = """(name) => {
  const found = [...document.querySelectorAll("button")].find(
    (each) => each.textContent.trim() === name && !each.disabled && each.checkVisibility());
  found?.click();
  return Boolean(found);
}"""
_FILL = """(name, value) => {
  const found = document.querySelector(`[name="${name}"]`);
  if (!found) return false;
  if (found.type === "checkbox") found.click();
  else {
    found.value = value;
    for (const type of ["input", "change"]) found.dispatchEvent(new Event(type, { bubbles: true }));
  }
  return true;
}"""


class FirefoxPage:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._count = 0
        self._do("session.new", capabilities={})
        self._do("session.subscribe", events=["log.entryAdded"])
        for script in (REMEMBER_PEERS, _FAKE_SOUND_CARD):
            self._do("script.addPreloadScript", functionDeclaration=f"() => {{ {script} }}")
        tree = self._do("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]

    def goto(self, url: str) -> None:
        """Open a page."""
        self._do("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def call(self, function: str, *arguments: str) -> Any:
        """Call a function in the page as a person's tap would; its answer as JSON has it."""
        done = self._do(
            "script.callFunction",
            functionDeclaration=f"async (...all) => JSON.stringify(await ({function})(...all))",
            arguments=[{"type": "string", "value": each} for each in arguments],
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        assert done["type"] == "success", done
        return json.loads(done["result"].get("value", "null"))

    def press(self, name: str) -> None:
        """Press the button of a name, when it is there."""
        self.wait_until(f"a button {name!r}", lambda: self.call(_PRESS, name))

    def fill(self, name: str, value: str = "") -> None:
        """Type into a field, choose in a list, or tick a box."""
        self.wait_until(f"a field {name!r}", lambda: self.call(_FILL, name, value))

    def figures(self) -> dict[str, Any] | None:
        """Return what getStats says of the living connection; None without one."""
        told: dict[str, Any] | None = self.call(_FIGURES)
        return told

    def wait_until(self, what: str, is_so: Any, *, within_s: float = SHOWN_WITHIN_S) -> None:
        """Poll until something is so."""
        deadline = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < deadline, (
                f"{what}: not within {within_s} s; {self.complaints}; the page says "
                + str(self.call("() => document.body.innerText"))
            )
            time.sleep(0.1)

    def flowing(self) -> dict[str, Any]:
        """Wait until pictures and sound keep coming and going; return the figures."""
        seen: list[dict[str, Any]] = []

        def rises() -> bool:
            now = self.figures()
            seen.extend([now] if now else [])
            names = ("frames_decoded", "audio_packets", "frames_sent", "audio_sent")
            return len(seen) > 1 and all(seen[-1][name] > seen[0][name] + 5 for name in names)

        self.wait_until("media flowing", rises)
        return seen[-1]

    def _do(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        command = {"id": self._count, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while True:
            told = json.loads(self._socket.recv(SHOWN_WITHIN_S))
            if told.get("id") == self._count:
                assert told["type"] == "success", told
                return told["result"]
            if told.get("method") == "log.entryAdded":
                self._note(told["params"])

    def _note(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            self.complaints.append(str(entry["text"]))


class FirefoxPatient:
    """Somebody with a link whose browser is Firefox."""

    def __init__(self, page: FirefoxPage, product: RunningProduct, visit: DemoVisit) -> None:
        self.page = page
        self._product = product
        self._visit = visit

    def come_as_far_as_the_waiting_room(self) -> None:
        """Birth date, check-in, device check."""
        page = self.page
        page.goto(f"{self._product.origin}/v/{self._visit.secret}")
        year, month, day = self._visit.birth_on.split("-")
        for name, value in (("month", month), ("day", day), ("year", year)):
            page.fill(name, value)
        page.press("Check in")
        for name, value in (
            ("place_state", "IL"),
            ("place_address", "1 Example Street, Springfield"),
            ("call_back_number", "+1 312-555-0101"),
        ):
            page.fill(name, value)
            page.press("Continue")
        page.fill("consent")
        page.press("Agree and continue")
        page.press("Turn on camera and microphone")
        page.press("Continue to the waiting room")
        page.wait_until(
            "the waiting room",
            lambda: page.call('() => document.body.innerText.includes("You are checked in")'),
        )

    def join(self) -> float:
        """Tap Join; return seconds until the first remote frame is decoded."""
        self.page.press("Join")
        began = time.monotonic()
        self.page.wait_until("a frame", lambda: (self.page.figures() or {}).get("frames_decoded"))
        return time.monotonic() - began


@contextmanager
def firefox(folder: Path) -> Iterator[FirefoxPage]:
    """Run Debian's Firefox, or the one `FIREFOX` names, with a profile of its own."""
    profile = folder / "firefox"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in _PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    process = subprocess.Popen(
        [
            os.environ.get("FIREFOX", "firefox-esr"), "--headless", "--no-remote",
            "--remote-debugging-port=0", "--profile", str(profile),
        ],
        stdout=subprocess.DEVNULL,
        stderr=(log := (folder / "firefox.log").open("w")),
        env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    try:
        with connect(
            f"{_address(process, folder / 'firefox.log')}/session", max_size=None
        ) as socket:
            yield FirefoxPage(socket)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        log.close()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + STARTED_WITHIN_S
    while not (found := _LISTENS.search(log.read_text())):
        assert process.poll() is None, f"Firefox ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"Firefox does not listen: {log.read_text()}"
        time.sleep(0.1)
    return found[1]
