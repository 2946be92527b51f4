"""The hot path keeps its shape: what must not stand in it does not, and its guards hold."""

import ast
import inspect
import textwrap

import pytest

from media.core.engine_face import Codec, Kind, PeerKey, ReceiveSection, SendSpec
from media.core.engine_face import Extensions as Agreed
from media.shell import forwarder
from media.shell.counts import Count
from media.shell.forwarder import Forwarder
from media.shell.slots import Encoding, Slot
from media.shell.streams import PeerStreams
from tests.support.rtp import rtp, vp8

FORBIDDEN = (
    ast.Await,
    ast.AsyncFor,
    ast.AsyncWith,
    ast.Lambda,
    ast.FunctionDef,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.Dict,
    ast.List,
    ast.Set,
    ast.JoinedStr,
    ast.Import,
    ast.ImportFrom,
)
ALLOWED_CALLS = {
    "_find_level",
    "_is_too_large",
    "_on_gap",
    "_sendto",
    "_start_waiting",
    "_unpack_header",
    "extend",
    "get",
    "has_key_index",
    "has_short_id",
    "leave_out",
    "len",
    "may_enter",
    "on_arrival",
    "on_key_frame",
    "on_packet",
    "on_repair",
    "pack",
    "parse",
    "pass_over",
    "payload_end",
    "payload_offset",
    "place",
    "protect",
    "renumbered",
    "shift_at",
    "widened",
}


def handler() -> ast.FunctionDef:
    tree = ast.parse(textwrap.dedent(inspect.getsource(Forwarder.on_rtp)))
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    return function


def test_nothing_slow_stands_in_the_packet_handler() -> None:
    """No wait, no closure, no container, no text: byte strings and integers only."""
    found = [node for each in handler().body for node in ast.walk(each)]

    assert [ast.unparse(node) for node in found if isinstance(node, FORBIDDEN)] == []


def test_the_packet_handler_calls_what_is_known_and_nothing_else() -> None:
    """So a log line, or a new object, cannot creep in unseen."""
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        for node in ast.walk(handler())
        if isinstance(node, ast.Call)
    }

    assert called == ALLOWED_CALLS


def test_the_module_knows_no_logger_loop_or_clock() -> None:
    tree = ast.parse(inspect.getsource(forwarder))
    imported = {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    } | {
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }

    assert imported == {"collections", "media", "typing"}


def test_the_counters_of_sent_packets_are_no_look_ups() -> None:
    loops = [node for node in ast.walk(handler()) if isinstance(node, ast.For)]
    last = loops[-1].body[-4:]

    assert "Count." not in "".join(map(ast.unparse, last))


# --- without SRTP: the rest of the engine is tested with it -------------------------------------


VIDEO = (Codec(payload_type=96, name="vp8", clock_rate_hz=90_000),)


def wired() -> tuple[Forwarder, Encoding, Slot, list[bytes]]:
    """One video encoding in one slot whose `protect` changes nothing."""
    sent: list[bytes] = []
    forwarding = Forwarder(lambda data, _addr: sent.append(data))
    publisher = PeerStreams(PeerKey("room/ann/1"), feedback_ssrc=1)
    subscriber = PeerStreams(PeerKey("room/bob/1"), feedback_ssrc=2)
    subscriber.protect = bytes
    subscriber.selected = ("127.0.0.1", 9)
    spec = SendSpec(
        mid="9", kind=Kind.VIDEO, codecs=VIDEO, extensions=Agreed(), ssrc=5, rtx_ssrc=None, cname=""
    )
    slot = Slot(subscriber, spec, draw=lambda: 100)
    section = ReceiveSection(mid="1", kind=Kind.VIDEO, codecs=VIDEO, extensions=Agreed())
    encoding = Encoding(publisher.key, section, 7)
    publisher.bring_live(encoding)
    publisher.attach("1", slot)
    return forwarding, encoding, slot, sent


def test_the_whole_header_is_the_slots_own() -> None:
    forwarding, encoding, _, sent = wired()
    payload = vp8(is_key=True, picture_id=7)

    forwarding.on_rtp(encoding, rtp(payload_type=96, sequence=9, marker=True, payload=payload), 1.0)

    assert sent == [
        rtp(payload_type=96, sequence=100, timestamp=100, ssrc=5, marker=True, payload=payload)
    ]


@pytest.mark.parametrize("first", [0x00, 0x40, 0xC0, 0x8F, 0x90])
def test_a_header_that_does_not_fit_is_counted(first: int) -> None:
    """libsrtp refuses most of these before; this guard does not lean on it."""
    forwarding, encoding, _, sent = wired()
    packet = bytes([first]) + rtp(payload_type=96)[1:]

    forwarding.on_rtp(encoding, packet, 1.0)

    assert forwarding.counts[Count.BAD_HEADER] == 1
    assert sent == []


def test_a_packet_that_came_twice_past_the_replay_check_is_counted() -> None:
    """A retransmission of what arrived meanwhile, above all."""
    forwarding, encoding, _, sent = wired()
    packet = rtp(payload_type=96, payload=vp8(is_key=True))

    forwarding.on_rtp(encoding, packet, 1.0)
    forwarding.on_rtp(encoding, packet, 1.0, is_repair=True)

    assert forwarding.counts[Count.DUPLICATE] == 1
    assert len(sent) == 1


def test_a_source_whose_codec_the_slot_lacks_is_skipped_in_what_was_overtaken_too() -> None:
    forwarding, encoding, slot, sent = wired()
    slot.payload_types = {}

    forwarding.on_rtp(encoding, rtp(payload_type=96, sequence=2, payload=vp8()), 1.0)
    forwarding.on_rtp(encoding, rtp(payload_type=96, sequence=1, payload=vp8(is_key=True)), 1.0)

    assert sent == []
