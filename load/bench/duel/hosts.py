"""Two hosts on one machine: network namespaces joined by a veth pair, each pinned to a core."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

SERVER_ADDRESS: Final = "10.93.7.1"
CLIENT_ADDRESS: Final = "10.93.7.2"
SERVER_CORE: Final = 1
CLIENT_CORE: Final = 0


class CannotMeasure(Exception):
    """This machine cannot run the duel; the text says what it lacks."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names of the two namespaces."""

    server: str
    client: str

    def on_server(self, command: Sequence[str]) -> list[str]:
        """Return `command` as it is run on the server's host and core."""
        return _inside(self.server, SERVER_CORE, command)

    def on_client(self, command: Sequence[str]) -> list[str]:
        """Return `command` as it is run on the participants' host and core."""
        return _inside(self.client, CLIENT_CORE, command)


def check_machine() -> None:
    """See that the duel can be run here.

    Raises:
        CannotMeasure: It cannot.
    """
    if os.geteuid() != 0:
        raise CannotMeasure("namespaces need root")
    if (os.cpu_count() or 1) <= max(SERVER_CORE, CLIENT_CORE):
        raise CannotMeasure("two cores are needed, one for the server and one for the load")
    for tool in ("ip", "taskset", "gcc"):
        if shutil.which(tool) is None:
            raise CannotMeasure(f"{tool} is missing")


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Make both namespaces for the length of a `with` block.

    Raises:
        CannotMeasure: The kernel refuses.
    """
    hosts = Hosts(f"duel-server-{os.getpid()}", f"duel-client-{os.getpid()}")
    try:
        _ip("netns", "add", hosts.server)
        _ip("netns", "add", hosts.client)
        _ip("link", "add", "duel0", "netns", hosts.server, "type", "veth", "peer", "name", "duel1",
            "netns", hosts.client)  # fmt: skip
        for name, link, address in (
            (hosts.server, "duel0", SERVER_ADDRESS),
            (hosts.client, "duel1", CLIENT_ADDRESS),
        ):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", link)
            _ip("-n", name, "link", "set", link, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            # A server that looks for its own address asks for the default route.
            _ip("-n", name, "route", "add", "default", "dev", link)
        yield hosts
    finally:
        for name in (hosts.server, hosts.client):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)  # noqa: S603, S607


def _inside(namespace: str, core: int, command: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", namespace, "taskset", "-c", str(core), *command]


def _ip(*arguments: str) -> None:
    command = ["ip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise CannotMeasure(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
