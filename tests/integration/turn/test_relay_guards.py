"""The relay as we ship it reaches the media nodes and nothing else: a real coturn, real packets."""

from pathlib import Path

import pytest

from tests.support.requirements import Figure
from tests.support.turn_lab import FORBIDDEN, MULTICAST, SHIPPED, turn_lab

ROWS = len(FORBIDDEN) + len(MULTICAST)


@pytest.mark.requirement("SEC-TURN-01")
def test_the_relay_permits_the_media_node_and_no_other_address(
    tmp_path: Path, figure: Figure
) -> None:
    with turn_lab(tmp_path, has_firewall=False) as lab:
        told = lab.probe("reach")

    assert all(allocated == 0 for allocated, *_ in told["codes"].values()), "nothing was tried"
    let = {label for label, (_, code, bound, _) in told["codes"].items() if 0 in (code, bound)}
    assert let == set()
    assert told["media_node"] == 0
    assert told["hits"] == ["media node"]
    assert all(tcp != 0 for *_, tcp in told["codes"].values()), "TCP is relayed"
    version = ".".join(str(part) for part in lab.version)
    figure(f"coturn {version}: {ROWS} of {ROWS} refused, the mapped forms among them")


@pytest.mark.requirement("SEC-TURN-02")
def test_behind_the_shipped_firewall_no_canary_is_ever_hit(tmp_path: Path, figure: Figure) -> None:
    with turn_lab(tmp_path, has_firewall=True) as lab:
        told = lab.probe("reach")

    assert told["hits"] == ["media node"]
    figure(f"{ROWS} addresses in three ways each, 0 hits; the media node is reached")


@pytest.mark.requirement("SEC-TURN-03")
def test_one_greedy_holder_leaves_others_their_place(tmp_path: Path, figure: Figure) -> None:
    with turn_lab(tmp_path, has_firewall=False) as lab:
        told = lab.probe("quota")

    assert told["given"] == 10
    assert told["refused"] == 490
    assert told["other"] == 0
    assert told["s"] < 1.0
    figure(f"10 of 500 allocations given, another holder served in {told['s'] * 1000:.0f} ms")


def test_credentials_run_out_and_cannot_be_stretched(tmp_path: Path) -> None:
    with turn_lab(tmp_path, has_firewall=False) as lab:
        told = lab.probe("expired")

    assert told == {"good": 0, "late": 401, "longer": 401}


def test_the_shipped_configuration_allows_single_addresses_only() -> None:
    """An address both allowed and denied counts as allowed: a range would open a hole."""
    lines = (SHIPPED / "turnserver.conf").read_text().splitlines()

    allowed = [line for line in lines if line.startswith("allowed-peer-ip=")]

    assert allowed == ["allowed-peer-ip=<address of a media node>"]
    assert "stale-nonce=600" in lines
    assert {"no-tcp-relay", "no-cli", "no-software-attribute", "use-auth-secret"} <= set(lines)
