"""Medians of the duel as JSON, a table in Markdown and a plot."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from load.bench.duel.runs import Plan, Sample

FIGURES: Final = ("cpu_us_per_packet", "delay_ms_p50", "delay_ms_p99", "loss")
TITLES: Final = {
    "two_party": "2 people a room, 20 rooms",
    "four_party": "4 people a room, 8 rooms",
    "ten_party": "10 people a room, 2 rooms",
}
LABELS: Final = {"ours": "this media node", "janus": "Janus VideoRoom", "floor": "bare loop"}
LIMITS: Final = (
    "One server core, one load core, a veth pair and no network card; one clock; the load is a "
    "replayed pattern of 50 Opus and 150 VP8 packets a second; Janus is Debian's 1.1.2 with one "
    "event loop, and each participant has two connections there, one here."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Everything that was measured."""

    plan: Plan
    servers: list[str]
    samples: list[Sample]
    most: dict[tuple[str, str], int]
    half: Sample | None


def write_report(folder: Path, duel: Duel) -> None:
    """Write media.json, media.md and media.svg, and print the table."""
    figures = figures_of(duel)
    text = json.dumps(figures, indent=2, ensure_ascii=False)
    folder.joinpath("media.json").write_text(text + "\n")
    table = table_of(figures)
    folder.joinpath("media.md").write_text(table)
    _plot(figures, folder / "media.svg")
    print(table)
    print(f"written: {folder / 'media.json'}")


def write_skipped(folder: Path, reason: str) -> None:
    """Say in the report that nothing was measured."""
    folder.joinpath("media.json").write_text(json.dumps({"runs": 0, "skipped": reason}) + "\n")


def figures_of(duel: Duel) -> dict[str, Any]:
    """Return medians by room size and server, and what follows from them."""
    made: dict[str, Any] = {
        "runs": len(duel.samples),
        "rounds": duel.plan.rounds,
        "seconds_a_run": duel.plan.measure_ms / 1_000,
        "profile": "AEAD_AES_128_GCM",
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "limits": LIMITS,
        "void_runs": sum(each.is_void for each in duel.samples),
    }
    for name in (*TITLES, "two_party_cm"):
        made[name] = _by_server(duel, name)
    made["flatness"] = _flatness(duel)
    made["memory_mib_per_visit"] = _memory(duel)
    made["half_load"] = None if duel.half is None else _without_raw(duel.half)
    made["samples"] = [_without_raw(each) | {"raw": each.raw} for each in duel.samples]
    return made


def _by_server(duel: Duel, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for server in duel.servers:
        own = [each for each in duel.samples if (each.name, each.server) == (name, server)]
        if not own:
            continue
        found[server] = {
            figure: round(median(getattr(each, figure) for each in own), 5) for figure in FIGURES
        }
        found[server]["rounds"] = [round(each.cpu_us_per_packet, 2) for each in own]
        if (name, server) in duel.most:
            found[server]["visits_per_core"] = duel.most[name, server]
    for other, key in (("janus", "ratio_cpu"), ("floor", "times_floor")):
        if other in found and "ours" in found:
            ours = found["ours"]["cpu_us_per_packet"]
            found[key] = round(ours / found[other]["cpu_us_per_packet"], 3)
    return found


def _flatness(duel: Duel) -> dict[str, float]:
    own = [each for each in duel.samples if each.name == "flatness"]
    at = {
        rooms: median(each.cpu_us_per_packet for each in own if each.rooms == rooms)
        for rooms in {each.rooms for each in own}
    }
    few, many = min(at), max(at)
    return {
        f"cpu_us_at_{few}": round(at[few], 2),
        f"cpu_us_at_{many}": round(at[many], 2),
        "many_over_few": round(at[many] / at[few], 3),
    }


def _memory(duel: Duel) -> float:
    own = [each for each in duel.samples if each.name == "flatness"]
    many = [each for each in own if each.rooms == max(one.rooms for one in own)]
    return round(median(each.memory_kib / each.rooms for each in many) / 1_024, 3)


def _without_raw(sample: Sample) -> dict[str, Any]:
    return {name: value for name, value in asdict(sample).items() if name != "raw"}


def table_of(figures: dict[str, Any]) -> str:
    """Return the table of the README."""
    lines = [
        "| rooms | server | CPU a forwarded packet | delay p50 / p99 | loss | visits a core |",
        "|---|---|---|---|---|---|",
    ]
    for name, title in TITLES.items():
        for server, label in LABELS.items():
            own = figures[name].get(server)
            if own is None:
                continue
            lines.append(
                f"| {title} | {label} | {own['cpu_us_per_packet']:.1f} µs "
                f"| {own['delay_ms_p50']:.2f} / {own['delay_ms_p99']:.2f} ms | {own['loss']:.3%} "
                f"| {own.get('visits_per_core', '–')} |"
            )
    ratio = figures["two_party"].get("ratio_cpu", "not measured")
    lines += ["", f"CPU a packet, ours over Janus, two-party rooms: **{ratio}**.", "", LIMITS, ""]
    return "\n".join(lines)


def _plot(figures: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  (slow to import, and only here)

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    drawn, axes = plt.subplots(figsize=(8, 3.6))
    servers = [server for server in LABELS if server in figures["two_party"]]
    for index, server in enumerate(servers):
        heights = [figures[name][server]["cpu_us_per_packet"] for name in TITLES]
        places = [place + index * 0.26 for place in range(len(TITLES))]
        bars = axes.bar(places, heights, width=0.24, label=LABELS[server])
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks([place + 0.26 for place in range(len(TITLES))], list(TITLES.values()))
    axes.set_ylabel("µs of CPU a forwarded packet")
    axes.legend()
    drawn.tight_layout()
    drawn.savefig(path, metadata={"Date": None})
    plt.close(drawn)
