"""Keys for tests: a root key file and a key store beside each database, found from its URL."""

import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.engine import make_url

from telehealth.identity.passwords import Pepper
from telehealth.platform.clock import Clock, SystemClock
from telehealth.platform.db import Database
from telehealth.platform.sealing import repository
from telehealth.platform.sealing.form import wrap_key
from telehealth.platform.sealing.keyring import INSTALLATION, Keyring
from telehealth.platform.sealing.providers import (
    KeyProvider,
    LocalFileProvider,
    Mode,
    make_root_key_file,
)
from telehealth.platform.sealing.tables import DataKey, KeyKind, KeyState

PEPPER = Pepper(UUID(int=0x7E57), bytes(range(32)))
"""The pepper of the tests."""


def sealing_folder(database_url: str) -> Path:
    """Return the folder of a test database's keys; another process finds the same."""
    named = sha256(database_url.encode()).hexdigest()[:24]
    file = make_url(database_url).database
    is_file = database_url.startswith("sqlite") and file
    beside = Path(file or "").parent
    folder = beside if is_file and beside.is_dir() else Path(tempfile.gettempdir())
    made = folder / f"keys-{named}"
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


def root_key_file(database_url: str) -> Path:
    """Return the root key file of a test database, made if need be."""
    path = sealing_folder(database_url) / "root_key.json"
    if not path.exists():
        make_root_key_file(path)
    return path


def keys_database_url(database_url: str) -> str:
    """Return the key store's URL of a test database: a file of SQLite for both kinds."""
    return f"sqlite+aiosqlite:///{sealing_folder(database_url) / 'keys.sqlite3'}"


def sealing_environment(database_url: str) -> dict[str, str]:
    """Return the settings with which a process of ours finds the keys of a test database."""
    return {
        "TELEHEALTH_MODE": "development",
        "TELEHEALTH_KEY_PROVIDER": "local-file",
        "TELEHEALTH_KEYS_DATABASE_URL": keys_database_url(database_url),
        "TELEHEALTH_ROOT_KEY_FILE": str(root_key_file(database_url)),
    }


async def settle_pepper(keyring: Keyring) -> None:
    """Make the pepper of the tests the one in force, unless one has been drawn already.

    A hash costs a tenth of a second: so the same ones serve in every test's database.
    """
    await keyring.prepare()
    async with keyring.store.reading() as session:
        found = await repository.unscoped_active(
            session, clinic_id=INSTALLATION, kind=KeyKind.PEPPER, scope=""
        )
    if found is not None:
        return
    await keyring.index_key(INSTALLATION, "accounts.email")
    async with keyring.store.unit_of_work() as uow:
        above_id = await repository.unscoped_active(
            uow.session, clinic_id=INSTALLATION, kind=KeyKind.CLINIC, scope=""
        )
        assert above_id is not None
        above = await keyring._unwrapped(INSTALLATION, above_id.key_id)
        wrapped = wrap_key(
            PEPPER.key, under=above.plain, clinic_id=INSTALLATION, key_id=PEPPER.key_id
        )
        await repository.insert_unless_active(
            uow.session,
            DataKey(
                clinic_id=INSTALLATION,
                key_id=PEPPER.key_id,
                kind=KeyKind.PEPPER,
                scope="",
                state=KeyState.ACTIVE,
                wrapped=above_id.key_id.bytes + wrapped,
                uses=0,
                made_at=SystemClock().now(),
            ),
        )


def make_keyring(
    database_url: str,
    *,
    provider: KeyProvider | None = None,
    clock: Clock | None = None,
    **options: Any,
) -> Keyring:
    """Make a keyring over the key store of a test database."""
    return Keyring(
        provider or LocalFileProvider(root_key_file(database_url), mode=Mode.DEVELOPMENT),
        Database(keys_database_url(database_url)),
        clock=clock or SystemClock(),
        **options,
    )


class SealedDatabase(Database):
    """A database that closes its keyring too."""

    def __init__(
        self, url: str, *, keyring: Keyring, wake_worker: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(url, wake_worker=wake_worker, keyring=keyring)
        self.keyring = keyring

    async def close(self) -> None:
        """Close every connection, those to the keys too."""
        await super().close()
        await self.keyring.close()


def open_database(
    url: str, *, keyring: Keyring | None = None, wake_worker: Callable[[], None] = lambda: None
) -> SealedDatabase:
    """Open a test database with the keys that belong to it."""
    return SealedDatabase(url, keyring=keyring or make_keyring(url), wake_worker=wake_worker)
