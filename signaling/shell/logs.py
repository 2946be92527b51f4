"""Log lines of a signaling node: JSON on standard error, listed fields only.

No address, SDP, candidate, ticket or name is on the list, so none can be logged by mistake.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

LOGGABLE: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "node",
        "room_id",
        "code",
        "cause",
        "status",
        "count",
        "error",
    }
)


def keep_listed_fields(
    _log: object, _name: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop every field not in `LOGGABLE`; say how many went, never which values."""
    kept = {name: value for name, value in fields.items() if name in LOGGABLE}
    if dropped := len(fields) - len(kept):
        kept["unlisted_fields"] = dropped
    return kept


def set_up_logs() -> None:
    """Configure structlog for this process; libraries below critical stay silent."""
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_listed_fields,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
