"""Names made plain before they are compared or indexed."""

import pytest

from telehealth.platform.sealing.blind import Normal, blind_index, plain_name

KEY = bytes(32)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("García Márquez", "garcia marquez"),
        ("GARCI\u0301A", "garcia"),
        ("O\u2019Brien", "obrien"),
        ("O'Brien", "obrien"),
        ("Inventado-Fakenham", "inventado fakenham"),
        ("  Mary   Ann ", "mary ann"),
        ("Straße", "strasse"),
        ("St. John", "st john"),
        ("李小龍", "李小龍"),
        ("-", ""),
    ],
)
def test_a_name_is_what_two_people_mean_who_type_it_differently(typed: str, plain: str) -> None:
    assert plain_name(typed) == plain
    assert plain_name(plain) == plain


def test_an_index_of_twelve_bits_joins_names_and_never_parts_one() -> None:
    typed = [blind_index(each, key=KEY, normal=Normal.NAME, bits=12) for each in ("Núñez", "NUNEZ")]
    crowd = {
        blind_index(f"family {number}", key=KEY, normal=Normal.NAME, bits=12)
        for number in range(20_000)
    }

    assert typed[0] == typed[1]
    assert {len(each) for each in crowd} == {2}
    assert 4_000 < len(crowd) <= 4_096
