"""An address of this machine that is neither loopback nor reachable from outside.

Firefox sends no media to 127.0.0.1 when it has any other address.  Needs root and iproute2, as
the relay's tests do (`tests/support/install_turn.sh`).
"""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

ADDRESS = "198.51.100.77"
"""From a network for documentation (RFC 5737): nobody else has it."""


@contextmanager
def own_address() -> Iterator[str]:
    """Give one end of a wire that leads nowhere an address, for the length of a `with` block."""
    assert os.geteuid() == 0, "an interface of one's own needs root"
    near = f"own{secrets.token_hex(4)}"
    far = f"far{near[3:]}"
    _run("link", "add", near, "type", "veth", "peer", "name", far)
    try:
        _run("address", "add", f"{ADDRESS}/32", "dev", near)
        for end in (near, far):
            _run("link", "set", end, "up")
        yield ADDRESS
    finally:
        _run("link", "delete", near)


def _run(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
