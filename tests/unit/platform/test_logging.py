"""What reaches the log: listed fields only, and never an exception's words."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog

from telehealth.platform.config import host_and_port
from telehealth.platform.logging import set_up_logging

NAME = "Ada Lovelace"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    written = io.StringIO()
    set_up_logging(written)
    yield written
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_listed_fields_are_written_and_others_counted(stream: io.StringIO) -> None:
    structlog.get_logger().info("visit.called", visit_id=UUID(int=1), waited_s=3, name=NAME, x=1)

    (line,) = lines(stream)
    assert line["event"] == "visit.called"
    assert line["visit_id"] == str(UUID(int=1))
    assert line["unlisted_fields"] == 2
    assert NAME not in stream.getvalue()


def fail(name: str) -> None:
    raise ValueError(name)


def test_an_exception_is_told_by_its_kind(stream: io.StringIO) -> None:
    try:
        fail(NAME)
    except ValueError:
        structlog.get_logger().error("request.failed", exc_info=True)

    (line,) = lines(stream)
    assert line["error_type"] == "ValueError"
    assert NAME not in stream.getvalue()


def test_the_place_is_the_innermost_of_ours(stream: io.StringIO) -> None:
    try:
        host_and_port(NAME)
    except ValueError as failure:
        structlog.get_logger().error("request.failed", exc_info=failure)

    assert str(lines(stream)[0]["error_at"]).startswith("telehealth/platform/config.py:")
    assert NAME not in stream.getvalue()


def test_a_library_is_heard_and_not_quoted(stream: io.StringIO) -> None:
    library = logging.getLogger("some.library")
    library.warning("request of %s", NAME)
    library.error(ValueError(NAME))
    try:
        fail(NAME)
    except ValueError:
        library.exception("failed for %s", NAME)
    library.info("%s", NAME)

    found = lines(stream)
    assert [line["level"] for line in found] == ["warning", "error", "error"]
    assert {line["library"] for line in found} == {"some.library"}
    assert [line.get("error_type") for line in found] == [None, "ValueError", "ValueError"]
    assert NAME not in stream.getvalue()


def test_control_characters_come_out_escaped(stream: io.StringIO) -> None:
    structlog.get_logger().info("request.refused", code="a\n\x1b[31mforged")

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


async def test_a_task_that_died_is_not_quoted(stream: io.StringIO) -> None:
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": NAME, "exception": ValueError(NAME)})

    assert lines(stream)[0]["library"] == "asyncio"
    assert NAME not in stream.getvalue()
