"""Sealed attributes of mapped classes.

A mapped class keeps its attribute names: `person.given` is read and written as before, while the
column holds sealed bytes only.  Rows are opened when they are loaded and sealed before they are
flushed, both inside SQLAlchemy's greenlet, so the keyring may be awaited there.

    class Person(Base):
        __sealed_for__ = "id"            # attribute with the person whose key seals the row
        __sealed_group__ = "identity"    # whose key seals it when that is None
        given = Sealed[str]("given_sealed", TEXT)
        given_sealed: Mapped[bytes] = sealed_column("given", Phi.IDENTIFIER)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar, cast, overload
from uuid import UUID

import structlog
from sqlalchemy import Dialect, LargeBinary, TypeDecorator, event, inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import MappedColumn, QueryContext, Session, mapped_column
from sqlalchemy.util import await_only

from telehealth.platform.db import SEALED_WITH, Base
from telehealth.platform.sealing.blind import Normal, blind_index
from telehealth.platform.sealing.errors import (
    PlainTextRefused,
    SealedErased,
    SealedUnreadable,
)
from telehealth.platform.sealing.form import SHORTEST, VERSION, Binding, key_id_of, seal, unseal
from telehealth.platform.sealing.keyring import INSTALLATION, Keyring

T = TypeVar("T")


class SealedRow(Protocol):
    """What every row with sealed attributes has; marks on the class, not columns."""

    __tablename__: str
    __sealed_for__: str
    __sealed_group__: str

    @property
    def clinic_id(self) -> UUID:
        """The clinic whose keys seal the row."""
        ...


_NOT_YET: Final = b"not sealed yet"
_OPENED: Final = "_opened"
_log = structlog.get_logger(__name__)


class Phi(StrEnum):
    """Why a column is sealed; told by `column.info["class"]` to whatever lists them."""

    IDENTIFIER = "identifier"
    CONTACT = "contact"
    CLINICAL = "clinical"
    SECRET = "secret"  # noqa: S105  (a kind of column, no secret)
    """Opens something while it is in force."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How a value becomes bytes; its name is part of what the value is bound to."""

    name: str
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


TEXT: Final = Codec("text", str.encode, bytes.decode)
DATE: Final = Codec(
    "date", lambda day: day.isoformat().encode(), lambda raw: date.fromisoformat(raw.decode())
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blind:
    """A blind index kept beside a sealed attribute."""

    attribute: str
    """Mapped attribute of the index."""
    normal: Normal
    across_clinics: bool = False
    """One key for all clinics: for what must be found before the clinic is known."""
    bits: int | None = None


class SealedBytes(TypeDecorator[bytes]):
    """Bytes that are a sealed value; anything else is refused on its way to the database."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Refuse whatever has not the form of a sealed value."""
        del dialect
        if value is not None and (len(value) < SHORTEST or value[0] != VERSION):
            raise PlainTextRefused
        return value


def sealed_column(name: str, phi: Phi) -> MappedColumn[Any]:
    """Make the column of a sealed attribute, with marks that a program can read."""
    return mapped_column(name, SealedBytes, info={"sealed": True, "class": phi.value})


def index_column(*, unique: bool = False) -> MappedColumn[Any]:
    """Make the column of a blind index."""
    return mapped_column(LargeBinary(32), unique=unique, info={"blind_index": True})


class Sealed(Generic[T]):
    """An attribute whose column is sealed.

    Args:
        stored: Mapped attribute that holds the sealed bytes.
        codec: How the value becomes bytes.
        index: A blind index to be kept with it.
    """

    def __init__(self, stored: str, codec: Codec, *, index: Blind | None = None) -> None:
        self.stored = stored
        self.codec = codec
        self.index = index
        self.name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        """Learn the attribute's name."""
        self.name = name

    @overload
    def __get__(self, row: None, owner: type[Any]) -> "Sealed[T]": ...
    @overload
    def __get__(self, row: object, owner: type[Any]) -> T: ...
    def __get__(self, row: object | None, owner: type[Any]) -> "Sealed[T] | T":
        """Return the value; it was opened when the row was loaded.

        Raises:
            SealedUnreadable: It does not open.
            SealedErased: Its key was destroyed.
        """
        if row is None:
            return self
        held = getattr(row, self.stored)
        if held is None:
            return cast("T", None)  # only an attribute that allows None has one
        known = _opened(row).get(self.name)
        if known is None or known[0] is not held:
            raise SealedUnreadable
        if isinstance(known[1], Exception):
            raise known[1]
        value: T = known[1]
        return value

    def __set__(self, row: object, value: T) -> None:
        """Take a value; it is sealed when the session flushes."""
        if value is None:
            setattr(row, self.stored, None)
            return
        known = _opened(row).get(self.name)
        if known is not None and known[0] is getattr(row, self.stored) and known[1] == value:
            return
        setattr(row, self.stored, _NOT_YET)
        _opened(row)[self.name] = (getattr(row, self.stored), value)

    def again(self, row: object) -> None:
        """Have the value sealed anew at the next flush, with the key that is active then."""
        value = self.__get__(row, type(row))
        if value is not None:
            setattr(row, self.stored, _NOT_YET)
            _opened(row)[self.name] = (getattr(row, self.stored), value)

    def __eq__(self, other: object) -> bool:
        """Refuse: SQL cannot compare what is sealed."""
        return _no_sql(self.name)

    def __hash__(self) -> int:
        """Hash by identity."""
        return id(self)

    def __clause_element__(self) -> NoReturn:
        """Refuse to become SQL."""
        _no_sql(self.name)


def _no_sql(name: str) -> NoReturn:
    raise TypeError(f"{name} is sealed: SQL finds it by its blind index only")


def sealed_attributes(kind: type[Any]) -> list[Sealed[Any]]:
    """Return the sealed attributes of a mapped class."""
    return [each for each in vars(kind).values() if isinstance(each, Sealed)]


def sealed_classes() -> list[type[Any]]:
    """Return every mapped class that has a sealed attribute, by table name."""
    kinds = [mapper.class_ for mapper in Base.registry.mappers]
    return sorted(
        (kind for kind in kinds if sealed_attributes(kind)), key=lambda kind: kind.__tablename__
    )


def binding_of(row: SealedRow, attribute: Sealed[Any]) -> Binding:
    """Say where a row's value belongs."""
    mapper = inspect(type(row))
    parts = mapper.primary_key_from_instance(row)
    return Binding(
        clinic_id=row.clinic_id,
        table=row.__tablename__,
        column=attribute.name,
        row=b"".join(p.bytes if isinstance(p, UUID) else p.to_bytes(8, "big") for p in parts),
        schema=attribute.codec.name,
    )


def person_scope(person_id: UUID) -> str:
    """Name the purpose of the key that seals what concerns one person."""
    return f"person:{person_id}"


def scope_of(row: SealedRow) -> str:
    """Name the purpose of the key that seals a row."""
    person_id = getattr(row, row.__sealed_for__)
    return f"group:{row.__sealed_group__}" if person_id is None else person_scope(person_id)


async def index_of(
    session: AsyncSession,
    kind: type[Any],
    attribute: Sealed[Any],
    value: str,
    *,
    clinic_id: UUID = INSTALLATION,
) -> bytes:
    """Return what to look for in the index of an attribute.

    Args:
        session: Of a database that was opened with a keyring.
        kind: Mapped class of the attribute.
        attribute: One with a blind index.
        value: What is looked for, as it was typed.
        clinic_id: Whose rows; not needed where one key serves all clinics.
    """
    keyring = _keyring_of(session.sync_session)
    return await _index(keyring, attribute, kind.__tablename__, clinic_id, value)


async def _index(
    keyring: Keyring, attribute: Sealed[Any], table: str, clinic_id: UUID, value: str
) -> bytes:
    blind = attribute.index
    assert blind is not None  # noqa: S101  (asked for indexed attributes only)
    whose = INSTALLATION if blind.across_clinics else clinic_id
    key = await keyring.index_key(whose, f"{table}.{attribute.name}")
    return blind_index(value, key=key, normal=blind.normal, bits=blind.bits)


def _opened(row: object) -> dict[str, tuple[bytes, Any]]:
    found: dict[str, tuple[bytes, Any]] = row.__dict__.setdefault(_OPENED, {})
    return found


def _keyring_of(session: Session) -> Keyring:
    keyring = session.info.get(SEALED_WITH)
    if not isinstance(keyring, Keyring):
        raise PlainTextRefused
    return keyring


def _open_row(row: SealedRow, session: Session) -> None:
    for attribute in sealed_attributes(type(row)):
        held = row.__dict__.get(attribute.stored)
        if held is None:
            continue
        value: Any
        try:
            value = _open(row, attribute, held, _keyring_of(session))
        except (SealedUnreadable, SealedErased, PlainTextRefused) as refused:
            # Told to whoever reads this one value; a list with it in it can still be shown.
            value = refused
        _opened(row)[attribute.name] = (held, value)


def _open(row: SealedRow, attribute: Sealed[T], held: bytes, keyring: Keyring) -> T:
    where = f"{row.__tablename__}.{attribute.name}"
    try:
        key_id = key_id_of(held)
        key = keyring.at_hand(row.clinic_id, key_id)
        if key is None:
            key = await_only(keyring.opener(row.clinic_id, key_id))
        plain = unseal(held, key=key, binding=binding_of(row, attribute))
        return cast("T", attribute.codec.decode(plain))
    except (SealedUnreadable, ValueError):
        keyring.refused[where] += 1
        _log.error("sealing.value_refused", kind=where, clinic_id=row.clinic_id)
        raise SealedUnreadable from None


async def _seal_rows(rows: Iterable[SealedRow], keyring: Keyring) -> None:
    for row in rows:
        for attribute in sealed_attributes(type(row)):
            held = getattr(row, attribute.stored)
            if held is _NOT_YET:
                await _seal_value(row, attribute, keyring)
            elif held is None and attribute.index is not None:
                setattr(row, attribute.index.attribute, None)


async def _seal_value(row: SealedRow, attribute: Sealed[Any], keyring: Keyring) -> None:
    known = _opened(row).get(attribute.name)
    if known is None:
        # Copied into another row (`Session.merge`): the words stayed behind.
        raise PlainTextRefused
    value = known[1]
    if attribute.index is not None:
        found = await _index(keyring, attribute, row.__tablename__, row.clinic_id, value)
        setattr(row, attribute.index.attribute, found)
    key_id, key = await keyring.sealer(row.clinic_id, scope_of(row))
    plain = attribute.codec.encode(value)
    sealed = seal(plain, key=key, key_id=key_id, binding=binding_of(row, attribute))
    setattr(row, attribute.stored, sealed)
    _opened(row)[attribute.name] = (sealed, value)


@event.listens_for(Base, "load", propagate=True)
def _on_load(row: SealedRow, context: QueryContext | None) -> None:
    if context is not None:
        # Without one nothing came from the database: `Session.merge` made a new row.
        _open_row(row, context.session)


@event.listens_for(Base, "refresh", propagate=True)
def _on_refresh(row: SealedRow, context: QueryContext, names: object) -> None:
    del names
    _open_row(row, context.session)


@event.listens_for(Session, "before_flush")
def _on_flush(session: Session, context: object, instances: object) -> None:
    del context, instances
    rows = [row for row in {*session.new, *session.dirty} if sealed_attributes(type(row))]
    if rows:
        await_only(_seal_rows(rows, _keyring_of(session)))
