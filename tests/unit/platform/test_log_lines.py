"""One record is one line, whatever is in it: nobody forges a line of the log."""

import io
import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
import structlog

from media.shell import logs as media
from signaling.shell import logs as signaling
from telehealth.platform import logging as visits
from tests.support.requirements import Figure

Keep = Callable[[object, str, MutableMapping[str, Any]], MutableMapping[str, Any]]
PROCESSES: dict[str, tuple[Keep, frozenset[str]]] = {
    "visit service and worker": (visits.keep_listed_fields, visits.LOGGABLE),
    "signaling": (signaling.keep_listed_fields, signaling.LOGGABLE),
    "media": (media.keep_listed_fields, media.LOGGABLE),
}
CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x200E, 0x202E, 0xFEFF]
NEVER = (
    "name", "given", "family", "birth", "email", "phone", "address", "ip", "sdp", "candidate",
    "ticket", "token", "secret", "password", "text", "note", "said", "body", "url", "path", "query",
    "user_agent", "cookie", "message",
)  # fmt: skip


@pytest.mark.requirement("SEC-LOG-01")
@pytest.mark.parametrize("process", PROCESSES)
def test_control_characters_never_begin_a_line(process: str, figure: Figure) -> None:
    keep, listed = PROCESSES[process]
    written = io.StringIO()
    logger = structlog.PrintLogger(written)
    render = structlog.processors.JSONRenderer()
    fields = sorted(listed - {"event", "level", "timestamp"})

    for number, control in enumerate(CONTROLS):
        forged = f'a{chr(control)}\r\n{{"event": "forged"}}'
        record = keep(None, "", {"event": "x.happened", fields[number % len(fields)]: forged})
        logger.msg(str(render(None, "", record)))

    lines = written.getvalue().split("\n")[:-1]
    assert len(lines) == len(CONTROLS)
    assert [json.loads(line)["event"] for line in lines] == ["x.happened"] * len(CONTROLS)
    assert all(" " <= sign < "\x7f" for line in lines for sign in line)
    figure(f"{len(CONTROLS)} control characters, one line each, {process}")


@pytest.mark.requirement("SEC-LOG-02")
@pytest.mark.parametrize("process", PROCESSES)
def test_no_field_for_what_a_person_is_or_said_is_listed(process: str) -> None:
    _keep, listed = PROCESSES[process]

    assert [field for field in listed if field in NEVER or set(field.split("_")) & set(NEVER)] == []


@pytest.mark.requirement("SEC-LOG-02")
@pytest.mark.parametrize("process", PROCESSES)
def test_what_is_not_listed_is_dropped_and_counted(process: str) -> None:
    keep, _listed = PROCESSES[process]

    kept = keep(None, "", {"event": "x.happened", **dict.fromkeys(NEVER, "Ada Lovelace")})

    assert kept == {"event": "x.happened", "unlisted_fields": len(NEVER)}
