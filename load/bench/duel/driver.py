"""One run of the duel: a server, its rooms, the load, the figures as one line of JSON.

Run on the participants' host: `python -m load.bench.duel.driver SERVER ROOMS SIZE ...`.
"""

import argparse
import asyncio
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from load.bench.duel import floor, janus, ours
from load.bench.duel.connection import Connection
from load.bench.duel.hosts import Hosts
from tests.support.dtls_client import CM_SHA1_80, GCM_128

PROFILES: Final = {"gcm": GCM_128, "cm": CM_SHA1_80}
GENERATOR: Final = Path("build/bench/generator")


async def main() -> None:
    """Run once, as the arguments say."""
    asked = _arguments()
    hosts = Hosts(asked.server_host, "")
    profile = PROFILES[asked.profile]
    with tempfile.TemporaryDirectory(prefix="duel-") as folder:
        match asked.server:
            case "ours":
                async with ours.running(hosts, Path(folder)) as (pid, control):
                    before_kib = _resident_kib(pid)
                    filled = [
                        await ours.join_room(control, f"r{n}", asked.size, profile, 1000 + n * 100)
                        for n in range(asked.rooms)
                    ]
                    figures = await _load(asked, pid, filled, before_kib)
            case "janus":
                async with janus.running(hosts, Path(folder), asked.event_loops) as (pid, api):
                    before_kib = _resident_kib(pid)
                    filled = [
                        await janus.join_room(api, 1 + n, asked.size, profile, 1000 + n * 100)
                        for n in range(asked.rooms)
                    ]
                    figures = await _load(asked, pid, filled, before_kib)
            case _:
                async with floor.running(hosts, asked.rooms, asked.size, profile) as (pid, filled):
                    figures = await _load(asked, pid, filled, _resident_kib(pid))
    print(json.dumps(figures))


async def _load(
    asked: argparse.Namespace,
    pid: int,
    filled: list[tuple[list[Connection], list[str]]],
    before_kib: int,
) -> dict[str, Any]:
    connections = [each for made, _ in filled for each in made]
    lines = [line for _, made in filled for line in made]
    text = f"run {asked.warm_ms} {asked.measure_ms} {pid}\n" + "\n".join(lines) + "\n"
    process = await asyncio.create_subprocess_exec(
        str(GENERATOR.resolve()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[each.socket.fileno() for each in connections],
    )
    out, _ = await process.communicate(text.encode())
    if process.returncode != 0:
        raise SystemExit("the generator failed")
    figures: dict[str, Any] = json.loads(out)
    figures["server_rss_kib"] = _resident_kib(pid)
    figures["server_rss_before_kib"] = before_kib
    return figures


def _resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=["ours", "janus", "floor"])
    parser.add_argument("rooms", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("--server-host", required=True)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="gcm")
    parser.add_argument("--warm-ms", type=int, default=3_000)
    parser.add_argument("--measure-ms", type=int, default=10_000)
    parser.add_argument("--event-loops", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
