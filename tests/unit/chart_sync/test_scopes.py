"""What we ask to be allowed, and whether it was granted."""

import pytest

from telehealth.chart_sync.scopes import is_enough, wanted

V2 = wanted(is_v2=True)
V1 = wanted(is_v2=False)


@pytest.mark.parametrize(
    "granted",
    [
        V2,
        V1,
        f"{V2} openid",
        "system/*.cruds",
        "system/*.rs system/Encounter.c system/DocumentReference.cu",
        "system/*.*",
        "system/*.read system/*.write",
    ],
)
def test_what_covers_our_needs_is_enough(granted: str) -> None:
    assert is_enough(granted)


@pytest.mark.parametrize(
    "granted",
    [
        "",
        "system/Encounter.crs",
        V2.replace("DocumentReference.crs", "DocumentReference.rs"),
        V1.replace("system/Encounter.write", ""),
        V2.replace("DocumentReference.crs", "DocumentReference.crs?category=clinical-note"),
        V2.replace("system/", "user/"),
        "system/*.rs",
        "system/*.sdr",
    ],
)
def test_a_narrowed_grant_fails_closed(granted: str) -> None:
    assert not is_enough(granted)


def test_both_spellings_ask_for_the_same() -> None:
    assert "system/Encounter.crs" in V2.split()
    assert {"system/Encounter.read", "system/Encounter.write"} <= set(V1.split())
    assert "system/Patient.write" not in V1.split()
