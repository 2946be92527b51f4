"""Janus VideoRoom as the duel's server: one connection to publish, one to subscribe, as it is used.

Debian's package, driven over its Unix-socket API.  History, feedback and audio levels are on, as
they are by default.
"""

import asyncio
import contextlib
import itertools
import json
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from load.bench.duel.connection import CERTIFICATE, Connection, Numbers, Remote, Stream
from load.bench.duel.hosts import SERVER_ADDRESS, CannotMeasure, Hosts
from tests.support.webrtc_offers import LEVEL_URI, MID_URI, TWCC_URI

_PLUGIN: Final = "janus.plugin.videoroom"
_LIBRARIES: Final = "/usr/lib/*/janus"
_OPUS, _VP8, _RTX = 111, 96, 97
_MID_ID, _LEVEL_ID, _TWCC_ID = 4, 1, 3
_WITHIN_S: Final = 15.0
_STARTS: Final = 10
_CORE: Final = """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{libraries}/plugins"
    transports_folder = "{libraries}/transports"
    events_folder = "{libraries}/events"
    loggers_folder = "{libraries}/loggers"
    debug_level = 2
    session_timeout = 0
    event_loops = {event_loops}
}}
media: {{ rtp_port_range = "20000-60000" }}
nat: {{ ice_lite = false }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
events: {{ broadcast = false }}
"""
_PFUNIX: Final = """
general: {{ enabled = true json = "compact" path = "{path}" type = "SOCK_SEQPACKET" }}
admin: {{ admin_enabled = false }}
"""


class Api:
    """Janus's JSON requests over its Unix socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._path = path
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._session = 0

    async def open(self) -> None:
        """Connect and make the one session all handles belong to."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, str(self._path))
        loop.add_reader(self._socket, self._read)
        self._session = (await self.ask({"janus": "create"}))["data"]["id"]

    def close(self) -> None:
        """Disconnect."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def handle(self) -> int:
        """Attach to the plugin."""
        answer = await self.ask({"janus": "attach", "plugin": _PLUGIN})
        found: int = answer["data"]["id"]
        return found

    async def message(
        self, handle: int, body: Mapping[str, Any], jsep: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Send a message to a handle; its event, or the synchronous answer."""
        request: dict[str, Any] = {"janus": "message", "handle_id": handle, "body": body}
        if jsep is not None:
            request["jsep"] = jsep
        return await self.ask(request)

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and wait for what is more than its acknowledgement."""
        transaction = f"t{next(self._numbers)}"
        whole = {**request, "transaction": transaction}
        if self._session:
            whole["session_id"] = self._session
        loop = asyncio.get_running_loop()
        told = self._waiting[transaction] = loop.create_future()
        await loop.sock_sendall(self._socket, json.dumps(whole).encode())
        try:
            async with asyncio.timeout(_WITHIN_S):
                answer: dict[str, Any] = await told
                return answer
        finally:
            del self._waiting[transaction]

    def _read(self) -> None:
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except BlockingIOError:
                return
            if not data:
                return
            told = json.loads(data)
            if told.get("janus") == "ack" or told.get("transaction") not in self._waiting:
                continue
            future = self._waiting[told["transaction"]]
            if not future.done():
                future.set_result(told)


@contextlib.asynccontextmanager
async def running(hosts: Hosts, folder: Path, event_loops: int) -> AsyncIterator[tuple[int, Api]]:
    """Run Janus on the server's host; its process id, and its API.

    Raises:
        CannotMeasure: It is not installed.
    """
    command, path = _configured(folder, event_loops)
    process = await _started(hosts.on_server(command), folder / "log", path)
    api = Api(path)
    try:
        await api.open()
        yield process.pid, api
    finally:
        api.close()
        process.send_signal(signal.SIGTERM)
        await process.wait()


def _configured(folder: Path, event_loops: int) -> tuple[list[str], Path]:
    """Write the configuration; the command, and the path of its API."""
    binary = shutil.which("janus")
    libraries = next(Path("/").glob(_LIBRARIES.removeprefix("/")), None)
    if binary is None or libraries is None:
        raise CannotMeasure("Janus is not installed: as root, apt-get install janus")
    path = folder / "api"
    folder.joinpath("janus.jcfg").write_text(
        _CORE.format(
            folder=folder,
            libraries=libraries,
            event_loops=event_loops,
            plugins=_all_but(libraries / "plugins", "videoroom"),
            transports=_all_but(libraries / "transports", "pfunix"),
        )
    )
    folder.joinpath("janus.transport.pfunix.jcfg").write_text(_PFUNIX.format(path=path))
    folder.joinpath("janus.plugin.videoroom.jcfg").write_text("general: { events = false }\n")
    return [binary, "--configs-folder", str(folder), "--interface", SERVER_ADDRESS], path


async def _started(command: list[str], log: Path, path: Path) -> asyncio.subprocess.Process:
    """Start Janus; at some starts this version finds none of its transports, and ends."""
    for _ in range(_STARTS):
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)
        for _ in range(100):
            if _exists(path):
                return process
            if process.returncode is not None:
                break
            await asyncio.sleep(0.1)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    raise CannotMeasure(f"Janus does not start: {_end_of(log)}")


def _exists(path: Path) -> bool:
    return path.exists()


def _end_of(log: Path) -> str:
    return log.read_text()[-500:]


async def join_room(
    api: Api, room: int, size: int, profile: bytes, first_ssrc: int
) -> tuple[list[Connection], list[str]]:
    """Fill one room: everybody publishes, then everybody subscribes to all others."""
    owner = await api.handle()
    facts = {
        "room": room, "publishers": size, "bitrate": 0, "fir_freq": 0, "audiocodec": "opus",
        "videocodec": "vp8", "audiolevel_ext": True, "transport_wide_cc_ext": True,
        "notify_joining": False, "playoutdelay_ext": False, "videoorient_ext": False,
    }  # fmt: skip
    await api.message(owner, {"request": "create", **facts})
    published = [
        await _publish(api, room, number + 1, profile, first_ssrc + 4 * number)
        for number in range(size)
    ]
    subscribed = [
        await _subscribe(
            api, room, [other + 1 for other in range(size) if other != number], profile
        )
        for number in range(size)
    ]
    both = [*published, *subscribed]
    return [made for made, _ in both], [line for _, line in both]


async def _publish(
    api: Api, room: int, feed: int, profile: bytes, ssrc: int
) -> tuple[Connection, str]:
    made, handle = Connection(profile), await api.handle()
    body = {
        "request": "joinandconfigure", "room": room, "ptype": "publisher", "id": feed,
    }  # fmt: skip
    offer = {"type": "offer", "sdp": _publisher_offer(made, ssrc)}
    answered = await api.message(handle, body, offer)
    await made.establish(_remote(_sdp_of(answered)))
    sends = (
        Stream(ssrc=ssrc, payload_type=_OPUS, mid="0"),
        Stream(ssrc=ssrc + 1, payload_type=_VP8, mid="1"),
    )
    numbers = Numbers(
        mid_id=_MID_ID, level_id=_LEVEL_ID, twcc_id=_TWCC_ID, audio_in=0, video_in=0, twcc_in=0
    )
    return made, made.line(sends, numbers)


async def _subscribe(
    api: Api, room: int, feeds: list[int], profile: bytes
) -> tuple[Connection, str]:
    made, handle = Connection(profile), await api.handle()
    body = {
        "request": "join", "room": room, "ptype": "subscriber",
        "streams": [{"feed": feed} for feed in feeds],
    }  # fmt: skip
    offered = _sdp_of(await api.message(handle, body))
    answer = {"type": "answer", "sdp": _subscriber_answer(made, offered)}
    await api.message(handle, {"request": "start"}, answer)
    await made.establish(_remote(offered))
    types = {"opus": 0, "VP8": 0}
    twcc_in = 0
    for line in offered.split("\r\n"):
        for codec in types:
            if line.startswith("a=rtpmap:") and codec in line:
                types[codec] = int(line.removeprefix("a=rtpmap:").split()[0])
        if line.startswith("a=extmap:") and TWCC_URI in line:
            twcc_in = int(line.removeprefix("a=extmap:").split()[0])
    numbers = Numbers(
        mid_id=0, level_id=0, twcc_id=0,
        audio_in=types["opus"], video_in=types["VP8"], twcc_in=twcc_in,
    )  # fmt: skip
    return made, made.line(None, numbers)


def _sdp_of(event: Mapping[str, Any]) -> str:
    if "jsep" not in event:
        raise SystemExit(f"Janus gave no description: {json.dumps(event)[:400]}")
    found: str = event["jsep"]["sdp"]
    return found


def _remote(sdp: str) -> Remote:
    found: dict[str, str] = {}
    address = ("", 0)
    for line in sdp.split("\r\n"):
        name, _, value = line.removeprefix("a=").partition(":")
        if name in {"ice-ufrag", "ice-pwd"}:
            found.setdefault(name, value)
        elif name == "candidate" and not address[1]:
            parts = value.split()
            address = (parts[4], int(parts[5]))
    return Remote(ufrag=found["ice-ufrag"], password=found["ice-pwd"], address=address)


def _publisher_offer(made: Connection, ssrc: int) -> str:
    audio = [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {_OPUS}",
        *_transport(made, "active", "0"),
        f"a=extmap:{_LEVEL_ID} {LEVEL_URI}",
        *_extensions(),
        "a=sendonly",
        f"a=rtpmap:{_OPUS} opus/48000/2",
        f"a=rtcp-fb:{_OPUS} transport-cc",
        f"a=ssrc:{ssrc} cname:load",
    ]
    video = [
        f"m=video 9 UDP/TLS/RTP/SAVPF {_VP8} {_RTX}",
        *_transport(made, "active", "1"),
        *_extensions(),
        "a=sendonly",
        f"a=rtpmap:{_VP8} VP8/90000",
        *(
            f"a=rtcp-fb:{_VP8} {each}"
            for each in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
        ),
        f"a=rtpmap:{_RTX} rtx/90000",
        f"a=fmtp:{_RTX} apt={_VP8}",
        f"a=ssrc-group:FID {ssrc + 1} {ssrc + 2}",
        f"a=ssrc:{ssrc + 1} cname:load",
        f"a=ssrc:{ssrc + 2} cname:load",
    ]
    return "\r\n".join([*_head(["0", "1"]), *audio, *video]) + "\r\n"


def _subscriber_answer(made: Connection, offered: str) -> str:
    """Accept every section as it was offered, to receive."""
    head, *sections = offered.split("\r\nm=")
    del head
    lines: list[str] = []
    mids: list[str] = []
    for section in sections:
        offered_lines = section.rstrip("\r\n").split("\r\n")
        mid = next(each for each in offered_lines if each.startswith("a=mid:")).split(":")[1]
        mids.append(mid)
        kept = [
            each
            for each in offered_lines[1:]
            if each.startswith(("a=rtpmap", "a=fmtp", "a=rtcp-fb", "a=extmap"))
        ]
        lines += ["m=" + offered_lines[0], *_transport(made, "active", mid), *kept, "a=recvonly"]
    return "\r\n".join([*_head(mids), *lines]) + "\r\n"


def _head(mids: list[str]) -> list[str]:
    return [
        "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0",
        "a=group:BUNDLE " + " ".join(mids), "a=msid-semantic: WMS *",
    ]  # fmt: skip


def _transport(made: Connection, setup: str, mid: str) -> list[str]:
    host, port = made.socket.getsockname()
    return [
        "c=IN IP4 0.0.0.0",
        # Without a candidate Janus never starts to answer checks.
        f"a=candidate:1 1 udp 2130706431 {host} {port} typ host",
        "a=end-of-candidates",
        f"a=ice-ufrag:{made.ufrag}",
        f"a=ice-pwd:{made.password}",
        f"a=fingerprint:sha-256 {CERTIFICATE.fingerprint()}",
        f"a=setup:{setup}",
        f"a=mid:{mid}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]


def _extensions() -> list[str]:
    return [f"a=extmap:{_MID_ID} {MID_URI}", f"a=extmap:{_TWCC_ID} {TWCC_URI}"]


def _all_but(folder: Path, kept: str) -> str:
    return ",".join(sorted(each.name for each in folder.glob("*.so") if kept not in each.name))
