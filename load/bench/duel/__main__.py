"""`make bench-media`: the whole duel, interleaved; writes build/bench/media.json, .md and .svg.

Environment: `DUEL=short` plays three rounds and leaves the ladder out (15 minutes); `DUEL=quick`
plays one, to try the harness.
"""

import os
import sys
from pathlib import Path
from typing import Final

from load.bench.duel.hosts import CannotMeasure, Hosts, check_machine, two_hosts
from load.bench.duel.report import Duel, write_report, write_skipped
from load.bench.duel.runs import Plan, Runner, Sample

OUTPUT: Final = Path("build/bench")
SERVERS: Final = ("ours", "janus", "floor")
ROOMS_AT_LEAST: Final = 20
SIZES: Final = {"two_party": (2, ROOMS_AT_LEAST), "four_party": (4, 8), "ten_party": (10, 2)}
"""Name in the report → people in a room, rooms of the cost figure."""

FLAT_ROOMS: Final = (10, 100)
FLAT_ROUNDS: Final = 3

FULL: Final = Plan(rounds=6, warm_ms=3_000, measure_ms=10_000, has_ladder=True)
SHORT: Final = Plan(rounds=3, warm_ms=3_000, measure_ms=10_000, has_ladder=False)
QUICK: Final = Plan(rounds=1, warm_ms=2_000, measure_ms=4_000, has_ladder=False)


def main() -> None:
    """Play every run and write the report."""
    plan = {"quick": QUICK, "short": SHORT}.get(os.environ.get("DUEL", ""), FULL)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        check_machine()
        with two_hosts() as hosts:
            duel = play(hosts, plan)
    except CannotMeasure as reason:
        write_skipped(OUTPUT, str(reason))
        sys.exit(f"skipped: {reason}")
    write_report(OUTPUT, duel)


def play(hosts: Hosts, plan: Plan) -> Duel:
    """Play the cost rounds of all room sizes, then ladders, flatness and half load."""
    runner = Runner(hosts, plan)
    servers = [server for server in SERVERS if server != "janus" or runner.has_janus()]
    samples = [
        runner.sample(name, server, rooms=rooms, size=size)
        for number in range(plan.rounds)
        for name, (size, rooms) in SIZES.items()
        for server in _rotated(servers, number)
    ]
    samples += [
        runner.sample("two_party_cm", server, rooms=ROOMS_AT_LEAST, size=2, profile="cm")
        for server in servers
    ]
    samples += [
        runner.sample("flatness", "ours", rooms=rooms, size=2)
        for _ in range(min(FLAT_ROUNDS, plan.rounds))
        for rooms in FLAT_ROOMS
    ]
    most, half = _ladders(runner, servers) if plan.has_ladder else ({}, None)
    return Duel(plan=plan, servers=servers, samples=samples, most=most, half=half)


def _ladders(
    runner: Runner, servers: list[str]
) -> tuple[dict[tuple[str, str], int], Sample | None]:
    """Find how many rooms each server carries, and how ours does at half of that."""
    most = {
        (name, server): runner.most_rooms(server, size=SIZES[name][0])
        for name in ("two_party", "four_party")
        for server in servers
    }
    half = max(1, most["two_party", "ours"] // 2)
    return most, runner.sample("half_load", "ours", rooms=half, size=2)


def _rotated(servers: list[str], by: int) -> list[str]:
    at = by % len(servers)
    return servers[at:] + servers[:at]


if __name__ == "__main__":
    main()
