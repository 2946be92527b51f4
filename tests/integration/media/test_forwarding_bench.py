"""The benchmark measures what it says; how fast this machine is, no test asks."""

import json
from pathlib import Path

import pytest

from load.bench import forwarding
from load.bench.trace import AUDIO_A_SECOND, FRAMES_A_SECOND, PACKETS_A_FRAME, publisher_trace


@pytest.mark.parametrize("play", forwarding.PATHS.values(), ids=list(forwarding.PATHS))
@pytest.mark.parametrize("fan_out", forwarding.FAN_OUTS)
def test_every_packet_leaves_for_everybody(play: forwarding.Round, fan_out: int) -> None:
    trace = publisher_trace(1, seed=forwarding.SEED)

    spent_us = play(trace, fan_out)

    assert len(trace) == AUDIO_A_SECOND + FRAMES_A_SECOND * PACKETS_A_FRAME
    assert spent_us > 0.0


def test_a_round_that_lost_packets_is_no_figure() -> None:
    trace = publisher_trace(1, seed=forwarding.SEED)

    with pytest.raises(SystemExit, match="void"):
        forwarding.in_memory([*trace, trace[-1]], 1)


def test_all_rounds_are_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "build" / "bench" / "forwarding.json"
    monkeypatch.setattr(forwarding, "OUTPUT", output)
    monkeypatch.setattr(forwarding, "ROUNDS", 2)
    monkeypatch.setattr(forwarding, "SECONDS", 1)

    forwarding.main()

    report, printed = json.loads(output.read_text()), capsys.readouterr().out
    assert [(row["path"], row["receivers"]) for row in report["rows"]] == [
        (path, fan_out) for path in ("bare", "memory", "loopback") for fan_out in (1, 3, 11)
    ]
    assert all(len(row["rounds_us"]) == 2 for row in report["rows"])
    assert all(row["times_bare"] == 1.0 for row in report["rows"] if row["path"] == "bare")
    assert len(printed.splitlines()) == 1 + len(report["rows"]) + 1


def test_every_field_written_down_is_explained() -> None:
    rounds_us = {(path, 1): [2.0, 4.0] for path in forwarding.PATHS}
    row = forwarding._row(("memory", 1), rounds_us)
    report = forwarding._report(200, [row])

    assert forwarding.__doc__ is not None
    assert [field for field in (*row, *report) if f"`{field}" not in forwarding.__doc__] == []
