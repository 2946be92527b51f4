"""Hands out unwrapped keys: from memory while they are young, else unwrapped anew.

Nothing unwrapped is ever written anywhere.  When the provider is down, keys at hand serve until
they are ten minutes old; then everything that needs one is refused.
"""

import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.exc import SQLAlchemyError

from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.platform.ids import new_uuid
from telehealth.platform.sealing import repository
from telehealth.platform.sealing.errors import KeysUnavailable, SealedErased, SealedUnreadable
from telehealth.platform.sealing.form import KEY_BYTES, unwrap_key, wrap_key
from telehealth.platform.sealing.providers import KeyProvider
from telehealth.platform.sealing.tables import DataKey, KeyKind, KeyState

INSTALLATION: Final = UUID(int=0)
"""Stands for no clinic: keys of what is unique over all of them."""
KEY_LIFE_S: Final = 600.0
MOST_KEYS: Final = 1000
USE_LIMIT: Final = 2**30
_BLOCK: Final = 4096
_ACTIVE_FOR_S: Final = 60.0
_LOOK_EVERY_S: Final = 5.0
_LOOK_BACK: Final = timedelta(minutes=1)
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Held:
    """One unwrapped key and until when it may serve (monotonic seconds)."""

    plain: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False)
    until: float


@dataclass(slots=True)
class _Active:
    """The key that seals for one purpose, and how many uses are counted ahead."""

    key_id: UUID
    left: int
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how often a key may serve; tests set them lower."""

    life_s: float = KEY_LIFE_S
    keys: int = MOST_KEYS
    uses: int = USE_LIMIT
    block: int = _BLOCK
    active_for_s: float = _ACTIVE_FOR_S


class Keyring:
    """All keys of one installation, in one process.

    Args:
        provider: Holds the root key.
        store: Database of the wrapped keys; not the one that holds data.
        clock: Tells when a key was made.
        limits: How long and how often a key may serve.
        monotonic: Tells the age of an unwrapped key, in seconds.
    """

    def __init__(
        self,
        provider: KeyProvider,
        store: Database,
        *,
        clock: Clock,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self.store = store
        self._clock = clock
        self._limits = limits or Limits()
        self._monotonic = monotonic
        self._held: OrderedDict[tuple[UUID, UUID], _Held] = OrderedDict()
        self._clinic_keys: dict[UUID, UUID] = {}
        self._active: OrderedDict[tuple[UUID, KeyKind, str], _Active] = OrderedDict()
        self._look_at = 0.0
        self._has_table = False
        self.refused: Counter[str] = Counter()
        """Values that did not open, by `table.column`."""

    async def close(self) -> None:
        """Forget every key and close what was opened."""
        self._held.clear()
        self._active.clear()
        await self._provider.close()
        await self.store.close()

    def at_hand(self, clinic_id: UUID, key_id: UUID) -> AESGCM | None:
        """Return a key that is in memory and young enough; asks nobody."""
        held = self._held_key(clinic_id, key_id)
        return None if held is None else held.cipher

    async def opener(self, clinic_id: UUID, key_id: UUID) -> AESGCM:
        """Return the key that opens a value; found by clinic and id, never by trying.

        Raises:
            SealedUnreadable: This clinic never had such a key.
            SealedErased: It was destroyed.
            KeysUnavailable: The provider or the key store does not answer.
        """
        return (await self._unwrapped(clinic_id, key_id)).cipher

    async def sealer(self, clinic_id: UUID, scope: str) -> tuple[UUID, AESGCM]:
        """Return the key that seals for `scope`, one use of it counted; makes one if need be.

        Raises:
            SealedErased: The purpose's key was destroyed for good.
            KeysUnavailable: The provider or the key store does not answer.
        """
        active = await self._active_key(clinic_id, KeyKind.DATA, scope)
        active.left -= 1
        return active.key_id, (await self._unwrapped(clinic_id, active.key_id)).cipher

    async def index_key(self, clinic_id: UUID, column: str) -> bytes:
        """Return the key of one blind index; it never seals anything."""
        active = await self._active_key(clinic_id, KeyKind.INDEX, column)
        return (await self._unwrapped(clinic_id, active.key_id)).plain

    async def password_pepper(self) -> tuple[UUID, bytes]:
        """Return id and 32 bytes of the pepper that new password hashes are made with.

        Raises:
            KeysUnavailable, SealedUnreadable: As `opener`.
        """
        active = await self._active_key(INSTALLATION, KeyKind.PEPPER, "")
        return active.key_id, (await self._unwrapped(INSTALLATION, active.key_id)).plain

    async def password_pepper_of(self, key_id: UUID) -> bytes:
        """Return the pepper that a stored hash names.

        Raises:
            KeysUnavailable, SealedUnreadable, SealedErased: As `opener`.
        """
        return (await self._unwrapped(INSTALLATION, key_id)).plain

    async def prepare(self) -> None:
        """Make the store's table unless it is there; done by itself before the first key."""
        if not self._has_table:
            await repository.make_table(self.store.engine)
            self._has_table = True

    def forget(self, clinic_id: UUID, key_id: UUID) -> None:
        """Drop a key from memory."""
        self._held.pop((clinic_id, key_id), None)
        for purpose, active in list(self._active.items()):
            if active.key_id == key_id:
                del self._active[purpose]

    def forget_active(self) -> None:
        """Ask the store anew which key seals for what."""
        self._active.clear()

    async def ensure_key(self, clinic_id: UUID, scope: str) -> None:
        """Make a data key for a purpose that never had one."""
        with suppress(SealedErased):
            await self._active_key(clinic_id, KeyKind.DATA, scope)

    async def freshen(self) -> None:
        """Between transactions: renew ageing clinic keys, drop keys that are gone.

        Called before every session opens, so that the provider is seldom asked inside one; does
        something every few seconds only, and never fails: a key that cannot be renewed now serves
        until its time is over.
        """
        now = self._monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_EVERY_S
        with suppress(KeysUnavailable, SealedUnreadable, SealedErased):
            await self._drop_gone()
            for clinic_id, key_id in list(self._clinic_keys.items()):
                held = self._held.get((clinic_id, key_id))
                if held is not None and held.until - now < self._limits.life_s / 2:
                    await self._from_store(clinic_id, key_id)

    async def _drop_gone(self) -> None:
        try:
            await self.prepare()
            async with self.store.reading() as session:
                gone = await repository.unscoped_gone_since(session, self._clock.now() - _LOOK_BACK)
        except (SQLAlchemyError, OSError):
            raise KeysUnavailable from None
        for clinic_id, key_id in [held for held in self._held if held[1] in set(gone)]:
            self.forget(clinic_id, key_id)

    def _held_key(self, clinic_id: UUID, key_id: UUID) -> _Held | None:
        held = self._held.get((clinic_id, key_id))
        if held is None:
            return None
        if self._monotonic() >= held.until:
            del self._held[clinic_id, key_id]
            return None
        self._held.move_to_end((clinic_id, key_id))
        return held

    async def _unwrapped(self, clinic_id: UUID, key_id: UUID) -> _Held:
        held = self._held_key(clinic_id, key_id)
        return held if held is not None else await self._from_store(clinic_id, key_id)

    async def _from_store(self, clinic_id: UUID, key_id: UUID) -> _Held:
        try:
            await self.prepare()
            async with self.store.reading() as session:
                key = await repository.unscoped_key(session, clinic_id=clinic_id, key_id=key_id)
                kind = None if key is None else key.kind
                state = None if key is None else key.state
                wrapped = None if key is None else key.wrapped
        except (SQLAlchemyError, OSError):
            raise KeysUnavailable from None
        if kind is None:
            raise SealedUnreadable(clinic_id=clinic_id)
        if wrapped is None:
            raise SealedErased(clinic_id=clinic_id, state=state)
        return await self._unwrap(clinic_id, key_id, kind, wrapped)

    async def _unwrap(self, clinic_id: UUID, key_id: UUID, kind: KeyKind, wrapped: bytes) -> _Held:
        if kind is KeyKind.CLINIC:
            plain = await self._provider.unwrap(wrapped, clinic_id=clinic_id, key_id=key_id)
            self._clinic_keys[clinic_id] = key_id
            return self._keep(clinic_id, key_id, plain, self._monotonic() + self._limits.life_s)
        # A data key's wrapping names its clinic key by the 16 bytes in front.
        above = await self._unwrapped(clinic_id, UUID(bytes=wrapped[:16]))
        plain = unwrap_key(wrapped[16:], under=above.plain, clinic_id=clinic_id, key_id=key_id)
        return self._keep(clinic_id, key_id, plain, above.until)

    def _keep(self, clinic_id: UUID, key_id: UUID, plain: bytes, until: float) -> _Held:
        if len(plain) != KEY_BYTES:
            raise SealedUnreadable(clinic_id=clinic_id)
        held = self._held[clinic_id, key_id] = _Held(plain, AESGCM(plain), until)
        self._held.move_to_end((clinic_id, key_id))
        while len(self._held) > self._limits.keys:
            self._held.popitem(last=False)
        return held

    async def _active_key(self, clinic_id: UUID, kind: KeyKind, scope: str) -> _Active:
        purpose = (clinic_id, kind, scope)
        active = self._active.get(purpose)
        if active is not None and active.left > 0 and self._monotonic() < active.until:
            return active
        try:
            await self.prepare()
            return await self._count_ahead(clinic_id, kind, scope)
        except (SQLAlchemyError, OSError):
            raise KeysUnavailable from None

    async def _count_ahead(self, clinic_id: UUID, kind: KeyKind, scope: str) -> _Active:
        """Count a block of uses of the active key; over the limit, begin with a new key.

        Counted before they are made: a crash loses counts, never uses.
        """
        block = self._limits.block if kind is KeyKind.DATA else 0
        while True:
            key_id = await self._find_or_make(clinic_id, kind, scope)
            if kind is not KeyKind.DATA:
                return self._now_active(clinic_id, kind, scope, key_id)
            async with self.store.unit_of_work() as uow:
                uses = await repository.count_uses(
                    uow.session, clinic_id=clinic_id, key_id=key_id, more=block
                )
                if uses > self._limits.uses:
                    await repository.retire(
                        uow.session, clinic_id=clinic_id, key_id=key_id, now=self._clock.now()
                    )
                    _log.info("sealing.key_used_up", clinic_id=clinic_id)
            if 0 <= uses <= self._limits.uses:
                return self._now_active(clinic_id, kind, scope, key_id)

    def _now_active(self, clinic_id: UUID, kind: KeyKind, scope: str, key_id: UUID) -> _Active:
        until = self._monotonic() + self._limits.active_for_s
        # Only data keys are counted; an index key or the pepper seals nothing.
        left = self._limits.block if kind is KeyKind.DATA else 1
        active = self._active[clinic_id, kind, scope] = _Active(key_id, left, until)
        while len(self._active) > 2 * self._limits.keys:
            self._active.popitem(last=False)
        return active

    async def _find_or_make(self, clinic_id: UUID, kind: KeyKind, scope: str) -> UUID:
        async with self.store.reading() as session:
            found = await repository.unscoped_active(
                session, clinic_id=clinic_id, kind=kind, scope=scope
            )
            if found is not None:
                return found.key_id
            earlier = await repository.unscoped_of_scope(session, clinic_id=clinic_id, scope=scope)
            if any(key.state is KeyState.ERASED for key in earlier):
                raise SealedErased(clinic_id=clinic_id)
        key_id = new_uuid()
        wrapped = await self._new_wrapped(clinic_id, key_id, kind)
        async with self.store.unit_of_work() as uow:
            await repository.insert_unless_active(
                uow.session,
                DataKey(
                    clinic_id=clinic_id,
                    key_id=key_id,
                    kind=kind,
                    scope=scope,
                    state=KeyState.ACTIVE,
                    wrapped=wrapped,
                    uses=0,
                    made_at=self._clock.now(),
                ),
            )
            found = await repository.unscoped_active(
                uow.session, clinic_id=clinic_id, kind=kind, scope=scope
            )
            # Whoever was faster made the one that counts; ours was never used.
            return key_id if found is None else found.key_id

    async def _new_wrapped(self, clinic_id: UUID, key_id: UUID, kind: KeyKind) -> bytes:
        if kind is KeyKind.CLINIC:
            _, wrapped = await self._provider.generate(clinic_id=clinic_id, key_id=key_id)
            return wrapped
        above_id = self._clinic_keys.get(clinic_id)
        if above_id is None:
            above_id = await self._find_or_make(clinic_id, KeyKind.CLINIC, "")
            self._clinic_keys[clinic_id] = above_id
        above = await self._unwrapped(clinic_id, above_id)
        wrapped = wrap_key(
            secrets.token_bytes(KEY_BYTES), under=above.plain, clinic_id=clinic_id, key_id=key_id
        )
        return above_id.bytes + wrapped
