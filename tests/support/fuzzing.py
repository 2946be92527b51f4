"""Feeds a target for a number of rounds, or for seconds, and tells what it took.

What is timed is this thread's processor time, with the garbage collector off as in a node: what
else the machine does is not the target's.

A target answers each input with one word for what became of it.  Whatever escapes from it is kept
in build/fuzz/ as the bytes that did it, and named with the seed that makes them again.
"""

import gc
import json
import random
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, thread_time

FOLDER = Path(__file__).parents[2] / "build" / "fuzz"


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something that takes bytes from strangers, or from peers who may be attackers."""

    draw: Callable[[random.Random], bytes]
    feed: Callable[[bytes], str]
    between: Callable[[], None] = _nothing
    """Called, off the clock, after each `every` inputs: time passes, bystanders are looked at."""
    every: int = 50


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run saw."""

    target: str
    seed: int
    inputs: int
    median_us: float
    most_us: float
    """What 99.9 % of the inputs stay below."""
    worst_us: float
    became: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say it in a line."""
        words = ", ".join(
            f"{count:,} {word}" for word, count in Counter(self.became).most_common(4)
        )
        return (
            f"{self.target}: {self.inputs:,} inputs, median {self.median_us:.1f} µs, 99.9 % below "
            f"{self.most_us:.0f} µs, worst {self.worst_us:.0f} µs ({words}), seed {self.seed}"
        )


def fuzzed(name: str, target: Target, *, seed: int, rounds: int, seconds: float = 0.0) -> Outcome:
    """Feed a target for so many rounds, and on until the seconds are over.

    Raises:
        AssertionError: Something escaped; says where the input was kept.
    """
    source = random.Random(f"{seed} {name}")
    took = array("d")
    became: Counter[str] = Counter()
    until = perf_counter() + seconds
    while len(took) < rounds or perf_counter() < until:
        data = target.draw(source)
        try:
            gc.disable()
            began = thread_time()
            word = target.feed(data)
            took.append(thread_time() - began)
            gc.enable()
            if len(took) % target.every == 0:
                target.between()
        except Exception as escape:
            raise AssertionError(_kept(name, seed, len(took), data)) from escape
        became[word] += 1
    ordered = sorted(took)
    return Outcome(
        target=name,
        seed=seed,
        inputs=len(ordered),
        median_us=ordered[len(ordered) // 2] * 1e6,
        most_us=ordered[len(ordered) * 999 // 1_000] * 1e6,
        worst_us=ordered[-1] * 1e6,
        became=became,
    )


def write_outcomes(outcomes: list[Outcome], *, seconds: float) -> Path:
    """Write build/fuzz/media.json."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / "media.json"
    rows = [
        {
            "target": each.target,
            "seed": each.seed,
            "inputs": each.inputs,
            "median_us": round(each.median_us, 2),
            "p999_us": round(each.most_us, 1),
            "worst_us": round(each.worst_us, 1),
            "became": dict(each.became),
        }
        for each in outcomes
    ]
    path.write_text(json.dumps({"seconds_a_target": seconds, "targets": rows}, indent=1) + "\n")
    return path


def _kept(name: str, seed: int, number: int, data: bytes) -> str:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}-{seed}-{number}.bin"
    path.write_bytes(data)
    return f"{name}, input {number} of seed {seed}, kept in {path}"
