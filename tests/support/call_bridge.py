"""Real pages on a real media node without the rest of the product: what lies between is this.

A page runs the product's `Call`; its client speaks over one WebSocket to `CallBridge`, which turns
client messages into control commands and control events back, as signaling does.  The node runs
in a thread of its own, so that a test may drive browsers meanwhile.
"""

import asyncio
import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from media.contract import control
from media.core.engine_face import PeerKey
from tests.support.media_lab import ROOM, MediaLab
from tests.support.recording_channel import RecordingChannel

STATIC = Path(__file__).parents[2] / "telehealth" / "web" / "static"
PAGE = """<!doctype html><meta charset="utf-8"><title>call</title><video autoplay muted></video>
<script type="module">
import { Call } from "/shared/call.js";
class Client extends EventTarget {
  constructor(name, socket) {
    super();
    Object.assign(this, { participantId: name, admission: null, socket, n: 0, waiting: new Map() });
    this.participants = new Map();
    this.publications = new Map();
    socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
  }
  hear(message) {
    if (message.re) {
      const { resolve, reject } = this.waiting.get(message.re);
      message.type === "refused" ? reject(new Error(message.code)) : resolve(message);
      return;
    }
    if (message.type === "room") {
      this.participants = new Map(message.participants.map((p) => [p.participant_id, p]));
      this.publications = new Map(message.publications.map((p) => [p.publication_id, p]));
      this.dispatchEvent(new CustomEvent("publication-added", { detail: message }));
    }
    (this.heard ??= []).push(message);
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }
  tell(type, fields) { this.socket.send(JSON.stringify({ type, id: ++this.n, ...fields })); }
  request(type, fields) {
    this.tell(type, fields);
    return new Promise((resolve, reject) => this.waiting.set(this.n, { resolve, reject }));
  }
}
globalThis.enter = async (name, port, { camera = true } = {}) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${name}`);
  await new Promise((resolve) => { socket.onopen = resolve; });
  const client = new Client(name, socket);
  const call = new Call({ client });
  const devices = await navigator.mediaDevices.getUserMedia({
    audio: true, video: camera ? { width: 1280, height: 720, frameRate: 30 } : false,
  });
  Object.assign(globalThis, { call, client });
  const [mic] = devices.getAudioTracks();
  await call.start({ mic, camera: devices.getVideoTracks()[0] ?? null });
  call.addEventListener("change", () => {
    const shown = call.tiles().find((tile) => !tile.isSelf);
    const track = shown?.screen ?? shown?.video;
    const video = document.querySelector("video");
    const before = video.srcObject?.getTracks()[0];
    if (track && before !== track) video.srcObject = new MediaStream([track]);
  });
  client.hear({ type: "admitted", room_epoch: 1, ice_servers: [], slots_max: 12 });
};
globalThis.inbound = async () => {
  const stats = [...((await call.stats()) ?? new Map()).values()];
  return stats.filter((each) => each.type === "inbound-rtp");
};
globalThis.outbound = async () => {
  const stats = [...((await call.stats()) ?? new Map()).values()];
  return stats.filter((each) => each.type === "outbound-rtp");
};
</script>"""


class CallBridge:
    """One node, one room, any number of pages."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._sockets: dict[str, ServerConnection] = {}
        self._publications: dict[str, dict[str, Any]] = {}
        self.lab: MediaLab
        self.port = 0
        self.told: list[control.FromMedia] = []
        handler = functools.partial(_Pages, directory=str(STATIC))
        self._pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    @property
    def origin(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._pages.server_address[1]}/call"

    def run(self, work: Callable[[], Any]) -> Any:
        """Do something in the node's thread, and return what came of it."""

        async def do() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def key(self, name: str) -> PeerKey:
        """The engine's name of a participant's peer."""
        return PeerKey(f"{ROOM}/{name}/1")

    def counters(self) -> dict[str, int]:
        """What the engine counted."""
        return dict(self.run(self.lab.engine.counters))

    def events(self, kind: type[control.ControlEvent]) -> list[Any]:
        """Events of one kind the node told so far."""
        return [each for each in list(self.told) if isinstance(each, kind)]

    def start(self) -> None:
        """Open everything."""
        self._thread.start()
        threading.Thread(target=self._pages.serve_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._pages.shutdown()
        self._pages.server_close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _start(self) -> None:
        self.lab = MediaLab()
        self.lab.channel = _Overheard(self._hear)
        self.lab.start()
        self.lab.open_room()
        self._server = await serve(self._converse, "127.0.0.1", 0, compression=None)
        self.port = int(next(iter(self._server.sockets)).getsockname()[1])

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        await self.lab.stop()

    async def _converse(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        name = socket.request.path.removeprefix("/")
        self._sockets[name] = socket
        self.lab.attach(name)
        self._tell_room()
        try:
            async for frame in socket:
                self._take(name, json.loads(frame))
        except ConnectionClosed:
            pass
        finally:
            del self._sockets[name]
            for gone in [each for each in self._publications if each.startswith(f"{name}.")]:
                del self._publications[gone]
            self.lab.detach(name)
            self._tell_room()

    def _take(self, name: str, message: dict[str, Any]) -> None:
        seat = {
            "request_id": self.lab.request_id(),
            "room_id": ROOM,
            "room_epoch": 1,
            "participant_id": name,
            "attach_epoch": 1,
        }
        command = _command(name, message, seat)
        if command is None:
            return
        result = self.lab.do(command)
        if isinstance(result, control.CommandRefused):
            self._send(name, {"type": "refused", "re": message["id"], "code": result.code})
            return
        if isinstance(command, control.Publish | control.Mute):
            self._note(name, command)
        if message["type"] in {"offer", "publish", "mute"}:
            self._send(name, {"type": "ok", "re": message["id"], "sdp": result.sdp})

    def _note(self, name: str, command: control.Publish | control.Mute) -> None:
        source = command.publication_id.rpartition(".")[2]
        self._publications[command.publication_id] = {
            "publication_id": command.publication_id,
            "participant_id": name,
            "source": source,
            "is_muted": command.is_muted,
        }
        self._tell_room()

    def _hear(self, frame: control.FromMedia) -> None:
        self.told.append(frame)
        match frame:
            case control.SlotMap():
                slots = [{"mid": s.mid, "publication_id": s.publication_id} for s in frame.slots]
                message = {"type": "slots-mapped", "map_id": frame.map_id, "slots": slots}
                self._send(frame.participant_id, message)
            case control.LayersWanted():
                wanted = [{"rid": e.rid, "is_wanted": e.is_wanted} for e in frame.encodings]
                message = {
                    "type": "layers-wanted",
                    "publication_id": frame.publication_id,
                    "encodings": wanted,
                }
                self._send(frame.participant_id, message)
            case control.QualityTold():
                words = {"link": frame.link, "rung": frame.rung, "cause": frame.cause}
                message = {"type": "quality", "participant_id": frame.participant_id, **words}
                self._send(frame.participant_id, message)
            case control.SpeakersTold():
                for name in self._sockets:
                    ids = list(frame.participant_ids)
                    self._send(name, {"type": "speakers", "participant_ids": ids})
            case _:
                pass

    def _tell_room(self) -> None:
        people = [
            {
                "participant_id": name,
                "role": "patient",
                "kind": "patient",
                "state": "active",
                "is_reconnecting": False,
            }
            for name in self._sockets
        ]
        room = {
            "type": "room",
            "participants": people,
            "publications": list(self._publications.values()),
        }
        for name in self._sockets:
            self._send(name, room)

    def _send(self, name: str, message: dict[str, Any]) -> None:
        socket = self._sockets.get(name)
        if socket is not None:
            task = self._loop.create_task(_send_quietly(socket, json.dumps(message)))
            self.lab.tasks.add(task)


@contextmanager
def call_bridge() -> Iterator[CallBridge]:
    """Run a bridge for the length of a `with` block."""
    bridge = CallBridge()
    bridge.start()
    try:
        yield bridge
    finally:
        bridge.stop()


class _Overheard(RecordingChannel):
    def __init__(self, hear: Callable[[control.FromMedia], None]) -> None:
        super().__init__()
        self._hear = hear

    def post(self, frame: control.FromMedia) -> None:
        super().post(frame)
        self._hear(frame)


class _Pages(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/call":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


async def _send_quietly(socket: ServerConnection, text: str) -> None:
    try:
        await socket.send(text)
    except ConnectionClosed:
        return


def _command(
    name: str, message: dict[str, Any], seat: dict[str, Any]
) -> control.ControlCommand | None:
    match message["type"]:
        case "offer":
            return control.Offer(**seat, offer_id=message["offer_id"], sdp=message["sdp"])
        case "publish":
            source = control.Source(message["source"])
            return control.Publish(
                **seat,
                publication_id=f"{name}.{source.value}",
                mid=message["mid"],
                source=source,
                is_muted=message["is_muted"],
            )
        case "mute":
            return control.Mute(
                **seat, publication_id=message["publication_id"], is_muted=message["is_muted"]
            )
        case "subscribe":
            wants = tuple(control.Want(**want) for want in message["wants"])
            return control.SetWants(**seat, wants=wants)
        case "ack-slots":
            return control.AckSlots(**seat, map_id=message["map_id"])
        case _:
            return None
