"""The two cookies of a login session.

`__Host-`: sent to this host alone, by TLS or on this machine, and no other host can plant one.

Source:
    RFC 6265bis section 4.1.3.2.
"""

from typing import Final

from starlette.datastructures import MutableHeaders

ACCESS_COOKIE: Final = "__Host-access"
REFRESH_COOKIE: Final = "__Host-refresh"
CLEAR_SITE_DATA: Final = '"cache", "storage"'
"""What a browser drops when somebody signs out.  Source: W3C Clear Site Data, section 3.1."""
_ATTRIBUTES: Final = "Path=/; Secure; HttpOnly; SameSite=Lax"


def set_cookies(
    headers: MutableHeaders, *, access: str, access_life_s: int, refresh: str, refresh_life_s: int
) -> None:
    """Give a browser its pass and the secret to renew it."""
    headers.append("Set-Cookie", _cookie(ACCESS_COOKIE, access, access_life_s))
    headers.append("Set-Cookie", _cookie(REFRESH_COOKIE, refresh, refresh_life_s))


def clear_cookies(headers: MutableHeaders) -> None:
    """Take both from a browser."""
    headers.append("Set-Cookie", _cookie(ACCESS_COOKIE, "", 0))
    headers.append("Set-Cookie", _cookie(REFRESH_COOKIE, "", 0))


def _cookie(name: str, value: str, life_s: int) -> str:
    return f"{name}={value}; Max-Age={life_s}; {_ATTRIBUTES}"
