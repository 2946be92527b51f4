"""Logs for operators: JSON lines on stderr, and only fields from a list.

Never, at any level: names, free text, network addresses, session descriptions, tickets.  A field
that is not listed is dropped and counted.  An exception is told by its type and by the place in
our code where it came from, never by its message.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

LOGGABLE: Final = frozenset(
    {
        # structlog's own
        "event",
        "level",
        "timestamp",
        "logger",
        # kinds and codes
        "code",
        "status",
        "method",
        "role",
        "job",
        "permission",
        "kind",
        "state",
        "step",
        "lane",
        "outcome",
        "reason",
        "cause",
        "error_type",
        "error_at",
        "library",
        # ids
        "clinic_id",
        "person_id",
        "visit_id",
        "participant_id",
        "appointment_id",
        "session_id",
        "link_id",
        "entry_id",
        "command_id",
        "event_id",
        "subject_id",
        # numbers
        "attempt",
        "attempts",
        "attach_epoch",
        "count",
        "duration_ms",
        "fields",
        "limit_bytes",
        "port",
        "size_bytes",
        "tries_left",
        "unlisted_fields",
        "version",
        "waited_s",
    }
)

Fields = MutableMapping[str, Any]
_OURS: Final = ("telehealth/", "signaling/", "media/")


def keep_listed_fields(_log: object, _name: str, fields: Fields) -> Fields:
    """Drop every field not in `LOGGABLE`; say how many went, never which values."""
    kept = {name: value for name, value in fields.items() if name in LOGGABLE}
    if dropped := len(fields) - len(kept):
        kept["unlisted_fields"] = dropped
    return kept


def tell_errors_without_words(_log: object, _name: str, fields: Fields) -> Fields:
    """Turn an exception into its type and the innermost place in our code."""
    failure = fields.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()[1]
    if isinstance(failure, tuple):
        failure = failure[1]
    if isinstance(failure, BaseException):
        fields["error_type"] = type(failure).__name__
        fields["error_at"] = _place(failure.__traceback__)
    return fields


class LibraryRecords(logging.Handler):
    """Passes on that a library spoke, without what it said: its words may quote a request."""

    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self._log = structlog.get_logger("library")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line about a record."""
        failure = record.exc_info[1] if record.exc_info else None
        if failure is None and isinstance(record.msg, BaseException):
            failure = record.msg
        speak = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        speak("library.spoke", library=record.name, exc_info=failure)


def set_up_logging(stream: TextIO | None = None) -> None:
    """Route everything, libraries included, through the list; called once by `cli.py`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            tell_errors_without_words,
            keep_listed_fields,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [LibraryRecords()]
    root.setLevel(logging.WARNING)


def _place(trace: TracebackType | None) -> str | None:
    """Return `file:line` of the innermost frame of ours."""
    for frame in reversed(traceback.extract_tb(trace)):
        for package in _OURS:
            at = frame.filename.rfind(f"/{package}")
            if at >= 0:
                return f"{frame.filename[at + 1 :]}:{frame.lineno}"
    return None
