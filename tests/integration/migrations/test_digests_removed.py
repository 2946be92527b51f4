"""Digests that older databases kept beside sealed words are gone, from the files too."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from telehealth.migrations.run import upgrade
from telehealth.platform.db import Database

BEFORE = "0018"
DIGESTS = [sha256(bytes([number])).hexdigest() for number in range(200)]
_AT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/empty.sqlite3"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def migrate(url: str, revision: str) -> None:
    """Run revisions in a thread of their own: a loop is running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(upgrade, url, revision).result()


async def owe(url: str) -> None:
    """Write entries and named acts as they were written before."""
    database = Database(url)
    async with database.unit_of_work() as uow:
        for number, digest in enumerate(DIGESTS):
            await uow.session.execute(
                text(
                    "INSERT INTO ledger_entry (entry_id, clinic_id, subject_id, kind,"
                    " schema_version, partner, key, message_id, payload, payload_sha256, lane,"
                    " order_key, order_no, order_until, created_at, next_at, give_up_at, state,"
                    " state_since, attempts, lease_epoch) VALUES (:id, :id, :id, 'chart.note', 1,"
                    " 'ehr', :key, :id, :payload, :digest, 'ehr', 'x', :number, 'confirmed',"
                    " :at, :at, :at, 'pending', :at, 0, 0)"
                ),
                {
                    "id": f"{number:032x}",
                    "key": str(number),
                    "payload": b"\1" * 60,
                    "digest": digest,
                    "number": number,
                    "at": _AT if not database.is_sqlite else _AT.isoformat(sep=" "),
                },
            )
            await uow.session.execute(
                text(
                    "INSERT INTO idempotency_keys (key_hash, act_sha256, run, started_at,"
                    " expires_at) VALUES (:hash, :digest, :id, :at, :at)"
                ),
                {
                    "hash": number.to_bytes(32, "big"),
                    "digest": digest,
                    "id": f"{number:032x}",
                    "at": _AT if not database.is_sqlite else _AT.isoformat(sep=" "),
                },
            )
    await database.close()


def bytes_of(url: str) -> bytes:
    """Return every byte of the two tables: the file, or the files of the tables."""
    plain = make_url(url)
    if plain.get_backend_name() == "sqlite":
        sqlite3.connect(str(plain.database)).close()
        return b"".join(each.read_bytes() for each in Path(str(plain.database)).parent.iterdir())
    target = plain.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        parts = [
            connection.execute("SELECT pg_read_binary_file(pg_relation_filepath(%s))", [table])
            for table in ("ledger_entry", "idempotency_keys")
        ]
        return b"".join(row[0] for part in parts for row in part)


@pytest.mark.requirement("CRY-01")
async def test_no_digest_is_left_in_a_file(empty_url: str) -> None:
    migrate(empty_url, BEFORE)
    await owe(empty_url)
    assert all(digest.encode() in bytes_of(empty_url) for digest in DIGESTS)

    migrate(empty_url, "head")

    stored = bytes_of(empty_url)
    assert [digest for digest in DIGESTS if digest.encode() in stored] == []
    database = Database(empty_url)
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM ledger_entry")) == len(DIGESTS)
    await database.close()
