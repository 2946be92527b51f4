"""When a list that refreshes by itself is audited again.  Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

AGAIN_AFTER: Final = timedelta(minutes=5)


def digest_of(visit_ids: Collection[UUID]) -> str:
    """Return one value for a set of visits, whatever their order."""
    return sha256(b"".join(sorted(each.bytes for each in visit_ids))).hexdigest()


def is_due(*, shown: str, last: str | None, last_at: datetime | None, now: datetime) -> bool:
    """Say whether showing the set `shown` is a new reading: another set, or five minutes on."""
    return last != shown or last_at is None or now - last_at >= AGAIN_AFTER
