"""Single runs of the duel: on the participants' host, repeated when the machine spoils one."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final

from load.bench.duel.hosts import Hosts

STEP: Final = 1.3
"""Each rung of the ladder has this many times the rooms of the one before."""
LOSS_MAX: Final = 0.001
DELAY_P99_MAX_MS: Final = 20.0
STEAL_MAX: Final = 0.01
GENERATOR_CPU_MAX: Final = 0.85
LATE_P99_MAX_MS: Final = 2.0
TRIES: Final = 3
ROOMS_MAX: Final = 400
_LONGEST_S: Final = 180
_PAIR: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how often."""

    rounds: int
    warm_ms: int
    """In rooms of two; in larger ones once for each person."""
    measure_ms: int
    has_ladder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Figures of one run."""

    name: str
    server: str
    rooms: int
    size: int
    cpu_us_per_packet: float
    cpu_share: float
    delay_ms_p50: float
    delay_ms_p99: float
    loss: float
    memory_kib: int
    """Resident, less what the server held before anybody joined."""
    is_void: bool
    """The load came late, was short of processor, or the host stole time: three times running."""
    raw: dict[str, Any]

    @property
    def passes(self) -> bool:
        """Say whether the server carried this load."""
        return self.loss <= LOSS_MAX and self.delay_ms_p99 <= DELAY_P99_MAX_MS


class Runner:
    """Plays runs one after the other."""

    def __init__(self, hosts: Hosts, plan: Plan) -> None:
        self._hosts = hosts
        self._plan = plan

    def has_janus(self) -> bool:
        """Say whether Janus is here; say so aloud if not."""
        if shutil.which("janus"):
            return True
        print("Janus is left out: it is not installed (as root: apt-get install janus)")
        return False

    def sample(
        self, name: str, server: str, *, rooms: int, size: int, profile: str = "gcm"
    ) -> Sample:
        """Run once, and again while the machine spoils it."""
        for _ in range(TRIES):
            raw = self._run(server, rooms, size, profile)
            made = _sample(name, server, rooms, size, raw)
            if not made.is_void:
                break
        print(
            f"{name:>13} {server:>6} {rooms:>4} rooms of {size:<2} "
            f"{made.cpu_us_per_packet:6.1f} µs a packet, {made.cpu_share:4.0%} of a core, "
            f"p50 {made.delay_ms_p50:6.2f} ms, p99 {made.delay_ms_p99:7.2f} ms, "
            f"loss {made.loss:.4%}{'  VOID' if made.is_void else ''}",
            flush=True,
        )
        return made

    def most_rooms(self, server: str, *, size: int) -> int:
        """Climb until the server fails, then step back to what it carries three times of three."""
        rooms, best = 10 if size == 2 else 4, 0
        while rooms <= ROOMS_MAX and self.sample("ladder", server, rooms=rooms, size=size).passes:
            best, rooms = rooms, max(rooms + 1, round(rooms * STEP))
        while best > 1:
            again = [self.sample("confirm", server, rooms=best, size=size) for _ in range(2)]
            if all(each.passes for each in again):
                return best
            best = round(best / STEP)
        return best

    def _run(self, server: str, rooms: int, size: int, profile: str) -> dict[str, Any]:
        command = [
            sys.executable, "-m", "load.bench.duel.driver", server, str(rooms), str(size),
            "--server-host", self._hosts.server, "--profile", profile,
            "--warm-ms", str(self._plan.warm_ms * _warm_ups(size)),
            "--measure-ms", str(self._plan.measure_ms),
        ]  # fmt: skip
        for _ in range(TRIES):
            done = subprocess.run(  # noqa: S603
                self._hosts.on_client(command),
                capture_output=True,
                text=True,
                timeout=_LONGEST_S,
                check=False,
            )
            if done.returncode == 0:
                raw: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
                return raw
            # Nothing was measured: somebody's connection did not come up.
            print(f"{server} with {rooms} rooms of {size}: not all joined, once more", flush=True)
        raise SystemExit(f"{server} with {rooms} rooms of {size}:\n{done.stderr[-2_000:]}")


def _warm_ups(size: int) -> int:
    """Larger rooms take longer until an adaptive server forwards every picture."""
    return 1 if size <= _PAIR else size


def _sample(name: str, server: str, rooms: int, size: int, raw: dict[str, Any]) -> Sample:
    expected = raw["sent"] * (size - 1)
    missing = max(expected - raw["received"], raw["lost_by_gaps"], 0)
    is_void = (
        raw["steal"] > STEAL_MAX
        or raw["generator_cpu"] > GENERATOR_CPU_MAX
        or raw["late_ms_p99"] > LATE_P99_MAX_MS
        or raw["blocked"] > 0
    )
    return Sample(
        name=name,
        server=server,
        rooms=rooms,
        size=size,
        cpu_us_per_packet=1e6 * raw["server_cpu_s"] / max(1, raw["received"]),
        cpu_share=raw["server_cpu_s"] / raw["seconds"],
        delay_ms_p50=raw["delay_ms_p50"],
        delay_ms_p99=raw["delay_ms_p99"],
        loss=missing / max(1, expected),
        memory_kib=raw["server_rss_kib"] - raw["server_rss_before_kib"],
        is_void=is_void,
        raw=raw,
    )
