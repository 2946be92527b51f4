"""Microseconds of one forwarded packet in the Python engine; no assertion on the clock.

`python -m load.bench.forwarding` (`make bench-forwarding`) plays one publisher, 3 VP8 packets to
1 Opus packet drawn from a seed, to 1, 3 and 11 receivers, on three paths:

- `bare`: one unprotect and as many protects as there are receivers, by libsrtp's binding and
  nothing else.  No forwarder in this process can cost less.
- `memory`: the engine's whole way (unprotect, history, rewriting, protect, the simulated ticks)
  with a `sendto` that does nothing.
- `loopback`: the same with a `recvfrom` in and a `sendto` out, on real sockets.

Processor time of this process, its system calls included, is what is counted: what else the machine
does meanwhile is not ours.  Each round plays all paths one after the other, so that a slow spell
meets them all alike.  It prints a table and writes `build/bench/forwarding.json`:

- `what`, `python`, `machine`, `seed`: what was measured, on what, from which seed.
- `rounds`, `packets_in_a_round`: how often each path was played, and how many packets came in.
- `rows[]`: one a path and number of receivers.
    - `path`, `receivers`: as above.
    - `median_us`, `rounds_us`: microseconds a packet that left; the median, and every round.
    - `beyond_bare_us`: `median_us` less that of `bare` in the same run: what is ours to improve.
    - `times_bare`: `median_us` as a multiple of that of `bare`.
"""

import gc
import json
import platform
import socket
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final, TypeAlias, TypedDict

from load.bench.trace import Timed, engine_with_fan_out, keys, publisher_trace
from media.core.engine_face import Addr
from media.shell.engine import PythonEngine
from media.shell.srtp import SrtpSession

ROUNDS: Final = 7
SECONDS: Final = 20
SEED: Final = 20_260_101
FAN_OUTS: Final = (1, 3, 11)
"""Two, four and twelve people in a room: the last is the most there are seats for."""
TICK_S: Final = 0.01
DATAGRAMS_A_WAKE: Final = 64
OUTPUT: Final = Path("build/bench/forwarding.json")

TITLE: Final = "    path  receivers   µs a packet   beyond bare   times bare"
LINE: Final = (
    "{path:>8}  {receivers:>9}  {median_us:>12.2f}  {beyond_bare_us:>12.2f}  {times_bare:>11.2f}"
)


class Row(TypedDict):
    """What one path cost for one number of receivers."""

    path: str
    receivers: int
    median_us: float
    rounds_us: list[float]
    beyond_bare_us: float
    times_bare: float


Round: TypeAlias = Callable[[list[Timed], int], float]
Case: TypeAlias = tuple[str, int]
"""A path by name, and a number of receivers."""


def bare_srtp(trace: list[Timed], fan_out: int) -> float:
    """Unprotect each packet once and protect it for each receiver, no more; µs a packet out."""
    key, profile = keys().rx_key, keys().profile
    unprotect = SrtpSession(key, profile, is_outbound=False).unprotect
    protects = [SrtpSession(key, profile, is_outbound=True).protect for _ in range(fan_out)]
    started = process_time()
    for timed in trace:
        plain = unprotect(timed.data)
        for protect in protects:
            protect(plain)
    return (process_time() - started) / (len(trace) * fan_out) * 1e6


def in_memory(trace: list[Timed], fan_out: int) -> float:
    """Play the trace with a `sendto` that does nothing; µs a packet out."""

    def sendto(data: bytes, addr: Addr) -> None:
        del data, addr

    sinks: list[Addr] = [("127.0.0.1", 10 + number) for number in range(fan_out)]
    engine = engine_with_fan_out(fan_out, sendto, sinks)
    addr: Addr = ("127.0.0.1", 1)
    started = process_time()
    tick_at = 0.0
    for timed in trace:
        if timed.at >= tick_at:
            engine.on_tick(now=timed.at)
            tick_at = timed.at + TICK_S
        engine.on_srtp(addr, timed.data, timed.at)
    return _us_a_packet(engine, process_time() - started, len(trace) * fan_out)


def over_loopback(trace: list[Timed], fan_out: int) -> float:
    """Play the trace through one receiving and sending socket; µs a packet out.

    The publisher's own sends, and the reading of what arrived, are not timed.
    """
    node, publisher, *sinks = (_bound() for _ in range(2 + fan_out))
    try:
        engine = engine_with_fan_out(
            fan_out,
            node.sendto,
            [sink.getsockname() for sink in sinks],
            publisher.getsockname(),
        )
        spent_s = 0.0
        for wake in _wakes(trace):
            for timed in wake:
                publisher.sendto(timed.data, node.getsockname())
            started = process_time()
            _drain(engine, node, wake[0].at)
            spent_s += process_time() - started
            for each in (publisher, *sinks):
                _empty(each)
        return _us_a_packet(engine, spent_s, len(trace) * fan_out)
    finally:
        for each in (node, publisher, *sinks):
            each.close()


PATHS: Final[dict[str, Round]] = {
    "bare": bare_srtp,
    "memory": in_memory,
    "loopback": over_loopback,
}


def main() -> None:
    """Run all rounds, print the table, write the figures."""
    trace = publisher_trace(SECONDS, seed=SEED)
    rounds_us: dict[Case, list[float]] = {case: [] for case in product(PATHS, FAN_OUTS)}
    for _ in range(ROUNDS):
        for (path, fan_out), spent in rounds_us.items():
            spent.append(_undisturbed(PATHS[path], trace, fan_out))
    rows = [_row(case, rounds_us) for case in rounds_us]
    print(TITLE)
    for row in rows:
        print(LINE.format(**row))
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(_report(len(trace), rows), indent=2, ensure_ascii=False) + "\n")
    print(f"written: {OUTPUT}")


def _undisturbed(play: Round, trace: list[Timed], fan_out: int) -> float:
    gc.collect()
    gc.disable()
    try:
        return play(trace, fan_out)
    finally:
        gc.enable()


def _row(case: Case, rounds_us: dict[Case, list[float]]) -> Row:
    path, fan_out = case
    spent, bare = median(rounds_us[case]), median(rounds_us["bare", fan_out])
    return {
        "path": path,
        "receivers": fan_out,
        "median_us": round(spent, 2),
        "rounds_us": [round(each, 2) for each in rounds_us[case]],
        "beyond_bare_us": round(spent - bare, 2),
        "times_bare": round(spent / bare, 2),
    }


def _report(packets_in: int, rows: list[Row]) -> dict[str, object]:
    return {
        "what": "µs a forwarded packet, median of rounds; AES-128-GCM, 3 VP8 to 1 Opus packet",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "seed": SEED,
        "rounds": ROUNDS,
        "packets_in_a_round": packets_in,
        "rows": rows,
    }


def _us_a_packet(engine: PythonEngine, spent_s: float, expected: int) -> float:
    sent = engine.counters()["packets_out"]
    if sent != expected:
        raise SystemExit(f"{sent} packets left, {expected} should have: the figure is void")
    return spent_s / sent * 1e6


def _wakes(trace: list[Timed]) -> Iterator[list[Timed]]:
    for at in range(0, len(trace), DATAGRAMS_A_WAKE):
        yield trace[at : at + DATAGRAMS_A_WAKE]


def _drain(engine: PythonEngine, node: socket.socket, now: float) -> None:
    engine.on_tick(now=now)
    recvfrom, on_srtp = node.recvfrom, engine.on_srtp
    while True:
        try:
            data, addr = recvfrom(2_048)
        except BlockingIOError:
            return
        on_srtp(addr, data, now)


def _empty(sink: socket.socket) -> None:
    while True:
        try:
            sink.recv(2_048)
        except BlockingIOError:
            return


def _bound() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind(("127.0.0.1", 0))
    return opened


if __name__ == "__main__":
    main()
