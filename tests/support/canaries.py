"""Values planted where they belong, and hunted where they do not, in every form they may take."""

import base64
import json
from collections.abc import Iterable, Mapping
from functools import cache
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Shorter values turn up by chance."""


@cache
def forms_of(value: str) -> Mapping[bytes, str]:
    """Return every byte string that means a value, with the name of the form.

    Plain and in both cases, escaped for JSON and for URLs, hex, and base64 (both alphabets) as it
    looks at any of the three places it may begin at inside a longer text.
    """
    raw = value.encode()
    forms = {
        raw: "plain",
        value.lower().encode(): "lower case",
        value.upper().encode(): "upper case",
        json.dumps(value)[1:-1].encode(): "json",
        quote(value, safe="").encode(): "url",
        quote_plus(value).encode(): "form",
        raw.hex().encode(): "hex",
        raw.hex().upper().encode(): "hex",
        repr(value)[1:-1].encode(): "repr",
    }
    for shift in range(3):
        for encode, name in ((base64.b64encode, "base64"), (base64.urlsafe_b64encode, "base64url")):
            whole = encode(b"\0" * shift + raw)
            first = -(-shift * 8 // 6)
            # The last characters mix with what follows.
            sure = whole[first : (shift + len(raw)) * 8 // 6]
            if len(sure) >= SHORTEST:
                forms[sure] = name
    return forms


class Canaries:
    """Named values, and where each may be."""

    def __init__(self, values: Mapping[str, str]) -> None:
        short = [name for name, value in values.items() if len(value) < SHORTEST]
        if short:
            raise ValueError(f"too short to hunt: {short}")
        self._values = dict(values)

    def __len__(self) -> int:
        return len(self._values)

    def names(self) -> set[str]:
        """Return what they are called."""
        return set(self._values)

    def plant(self, name: str, value: str) -> None:
        """Add a value that was only made on the way: a ticket, a cookie."""
        if len(value) >= SHORTEST:
            self._values[name] = value

    def hunt(self, where: str, *texts: str | bytes, allowed: Iterable[str] = ()) -> list[str]:
        """Return what was found: which canary, in which form, where; never the value."""
        found = []
        haystack = b"\n".join(text.encode() if isinstance(text, str) else text for text in texts)
        for name, value in self._values.items():
            if any(name.startswith(each) for each in allowed):
                continue
            for form, kind in forms_of(value).items():
                if form in haystack:
                    found.append(f"{name} ({kind}) in {where}")
                    break
        return found
