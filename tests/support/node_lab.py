"""A node over a fake engine, without a socket."""

import asyncio

from media.contract.control import CommandRefused, ControlCommand, Done, RefusalCode
from media.shell import dtls_seam
from media.shell.node import Limits, Node
from media.shell.peer import Plant
from media.shell.udp_mux import UdpMux
from tests.support.fake_engine import FakeEngine
from tests.support.media_commands import attach, offer
from tests.support.recording_channel import RecordingChannel
from tests.support.webrtc_offers import OfferPlan, offer_text

SDP = offer_text(
    OfferPlan(ufrag="abcd", password="w" * 24, fingerprint="AA:BB", ssrcs={"0": 1, "1": 5})
)
CERTIFICATE = dtls_seam.make_certificate()


def no_task(work: object) -> asyncio.Task[None]:
    raise AssertionError(work)


class NodeLab:
    """A node over a fake engine, without a socket."""

    def __init__(
        self, *, rooms_max: int = 3, peers_max: int = 4, limits: Limits | None = None
    ) -> None:
        self.engine = FakeEngine()
        plant = Plant(
            engine=self.engine,
            mux=UdpMux([]),
            certificate=CERTIFICATE,
            candidates=(("192.0.2.1", 9),),
            spawn=no_task,
        )
        usual = Limits(rooms_max=rooms_max, peers_max=peers_max, room_load_max=0)
        self.node = Node(plant=plant, limits=limits or usual)
        self.channel = RecordingChannel()

    def done(self, *commands: ControlCommand) -> Done:
        """Send commands that must be done; the last result."""
        results = [self.node.execute(command, self.channel) for command in commands]
        done = [each for each in results if isinstance(each, Done)]
        assert done == results
        return done[-1]

    def code(self, command: ControlCommand) -> RefusalCode:
        """Send a command that must be refused; its code."""
        result = self.node.execute(command, self.channel)
        assert isinstance(result, CommandRefused), result
        return result.code

    def join(self, *names: str) -> None:
        """Attach and negotiate."""
        for name in names:
            self.done(attach(name), offer(name, SDP))
