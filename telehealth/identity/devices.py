"""Which kind of browser a login session runs in: two words, so that its owner knows it.  Pure.

Coarse on purpose.  What a browser says of itself can be said by anybody; it helps a person to
tell their own sessions apart and decides nothing.
"""

from typing import Final

UNKNOWN: Final = "unknown"
_BROWSERS: Final = (
    # Order counts: each names the ones below it for compatibility.
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def device_of(agent: str) -> str:
    """Return `browser/system`, at most 32 letters, from a User-Agent; nothing of it is kept.

    Source:
        RFC 9110 section 10.1.5.
    """
    browser = next((name for mark, name in _BROWSERS if mark in agent), UNKNOWN)
    system = next((name for mark, name in _SYSTEMS if mark in agent), UNKNOWN)
    return f"{browser}/{system}"
