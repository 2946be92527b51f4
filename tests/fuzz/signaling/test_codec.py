"""Invariant: any text is a message of the protocol, or one of two documented refusals.

A message read can be written and reads the same again, and no frame costs much: at a seat a peer
may send fifty a second.
"""

import json
import random
from collections.abc import Callable
from time import perf_counter
from typing import Any

from signaling.contract.codec import DEPTH_MAX, REQUEST_ID_MAX, decode, decode_from_server, encode
from signaling.contract.errors import BadMessage, Refusal, UnsupportedMessage
from signaling.core.session import Place, Session
from tests.support.mutator import mutated
from tests.support.signaling_peers import REQUESTS, frame, welcome

ROUNDS = 15_000
MEDIAN_S = 0.001
FRAMES = [frame(tag, 7, **fields) for tag, fields in REQUESTS.items()]
ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, 2**53, 2**64, 2**70, -(2**63), 10**400,
    "", "a", "\x00", "\ud800", "\N{STETHOSCOPE}" * 40, "x" * 600,
    [], {}, [[]], [None] * 65, {"a": {"b": {"c": {"d": {}}}}},
]  # fmt: skip


def taken(text: str) -> bool:
    """Say whether a text is a message, having checked what must be true either way."""
    refusal: Refusal | None = None
    try:
        request = decode(text)
    except (BadMessage, UnsupportedMessage) as refused:
        refusal = refused
    if refusal is not None:
        assert refusal.re is None or 1 <= refusal.re <= REQUEST_ID_MAX
        assert refusal.__suppress_context__ or refusal.__context__ is None
        return False
    assert decode(encode(request)) == request
    return True


def median_s(feed: Callable[[], object], rounds: int = ROUNDS) -> float:
    took = []
    for _ in range(rounds):
        began = perf_counter()
        feed()
        took.append(perf_counter() - began)
    return sorted(took)[rounds // 2]


def twisted(source: random.Random) -> str:
    """Return a request with fields dropped, replaced by odd values, or doubled."""
    name = source.choice(list(REQUESTS))
    fields = {"type": name, "id": 7, **REQUESTS[name]}
    for _ in range(source.randint(1, 3)):
        key = source.choice([*fields, "of_tomorrow"])
        if source.randrange(4) == 0:
            fields.pop(key, None)
        else:
            fields[key] = source.choice(ODD)
    return json.dumps(fields, ensure_ascii=source.random() < 0.5)


def nested(source: random.Random, levels: int) -> Any:
    value: Any = source.choice(ODD[:10])
    for _ in range(levels):
        value = [value] if source.random() < 0.5 else {"a": value}
    return value


def test_noise(seed: int) -> None:
    source = random.Random(seed)

    def feed() -> None:
        taken(source.randbytes(source.randrange(300)).decode("utf-8", "replace"))
        taken(source.randbytes(source.randrange(300)).decode("utf-8", "surrogateescape"))

    assert median_s(feed) < MEDIAN_S


def test_damaged_requests(seed: int) -> None:
    source = random.Random(seed)
    count = 0

    def feed() -> None:
        nonlocal count
        data = mutated(source, source.choice(FRAMES).encode())
        count += taken(data.decode("utf-8", "surrogateescape"))

    assert median_s(feed) < MEDIAN_S
    assert 0 < count < ROUNDS


def test_requests_with_odd_fields(seed: int) -> None:
    source = random.Random(seed)
    count = 0

    def feed() -> None:
        nonlocal count
        count += taken(twisted(source))

    assert median_s(feed) < MEDIAN_S
    assert 0 < count < ROUNDS


def test_depth_is_refused_exactly_beyond_the_limit(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(500):
        levels = source.randrange(2 * DEPTH_MAX)
        value = nested(source, levels)
        is_deep = value is not None and _depth(value) > DEPTH_MAX - 1

        assert taken(frame("ping", 1, deep=value)) is not is_deep


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(each) for each in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(each) for each in value), default=0)
    return 0


def test_what_a_client_reads(seed: int) -> None:
    source = random.Random(seed)
    sample = encode(welcome()).encode()
    for _ in range(ROUNDS):
        text = mutated(source, sample).decode("utf-8", "surrogateescape")
        try:
            message = decode_from_server(text)
        except BadMessage:
            continue
        assert decode_from_server(encode(message)) == message


def test_a_session_outlives_any_frame(seed: int) -> None:
    """Whatever comes, it answers or closes; nothing is raised and nothing is owed afterwards."""
    source = random.Random(seed)
    for _ in range(1_500):
        session, now = Session(now=0.0), 0.0
        for _ in range(source.randrange(30)):
            now += source.random()
            text = twisted(source) if source.randrange(3) else source.choice(FRAMES)
            session.receive(text, now=now)
            if session.place is Place.GREETING and source.randrange(3) == 0:
                session.on_attached(welcome(may_admit=source.random() < 0.5))
            session.take_effects()
        assert session.take_effects() == []
