"""SMART system scopes, in both spellings: what we ask for, and whether we got it.  Pure.

Source: SMART App Launch 2.x, scopes: v1 `.read`, `.write`, `.*`; v2 `.cruds`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Final

NEEDED: Final[Mapping[str, str]] = MappingProxyType(
    {"Patient": "rs", "Practitioner": "rs", "Encounter": "crs", "DocumentReference": "crs"}
)
"""By resource type, in v2 letters: create, read, search."""

_SCOPE: Final = re.compile(r"system/([A-Za-z]+|\*)\.(read|write|\*|c?r?u?d?s?)(\?.*)?")
_V1: Final[Mapping[str, str]] = MappingProxyType({"read": "rs", "write": "cud", "*": "cruds"})


def wanted(*, is_v2: bool) -> str:
    """Return the scope parameter of a token request."""
    if is_v2:
        return " ".join(f"system/{kind}.{letters}" for kind, letters in NEEDED.items())
    asked = []
    for kind, letters in NEEDED.items():
        asked.append(f"system/{kind}.read")
        if "c" in letters:
            asked.append(f"system/{kind}.write")
    return " ".join(asked)


def is_enough(granted: str) -> bool:
    """Say whether the granted scopes cover what we need; a narrowed one fails closed.

    A scope limited by a query (`?category=…`) does not count: what it leaves out is not knowable
    here.
    """
    letters = _letters(granted.split())
    return all(set(needed) <= letters[kind] | letters["*"] for kind, needed in NEEDED.items())


def _letters(scopes: Iterable[str]) -> Mapping[str, AbstractSet[str]]:
    held: defaultdict[str, set[str]] = defaultdict(set)
    for scope in scopes:
        found = _SCOPE.fullmatch(scope)
        if found is not None and found[3] is None:
            held[found[1]].update(_V1.get(found[2], found[2]))
    return held
