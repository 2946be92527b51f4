"""Stored form of second factors, and of sign-ins and passkey ceremonies under way."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.platform.db import Base, EnumText, one_of
from telehealth.platform.sealing.columns import TEXT, Phi, Sealed, sealed_column


class Ceremony(StrEnum):
    """What a passkey is asked for.  Stored: renaming one is a migration."""

    ADD = "add"
    SIGN_IN = "sign_in"
    STEP_UP = "step_up"


class AuthenticatorApp(Base):
    """The secret an account shares with an authenticator app; at most one an account."""

    __tablename__ = "authenticator_apps"
    __sealed_for__ = "person_id"
    __sealed_group__ = "identity"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    person_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), unique=True)
    secret = Sealed[str | None]("secret_sealed", TEXT)
    """Base32, 160 bits.  None until a first code has confirmed it."""
    secret_sealed: Mapped[bytes | None] = sealed_column("secret", Phi.SECRET)
    waiting_secret = Sealed[str | None]("waiting_secret_sealed", TEXT)
    """Of an app that was shown a code to scan and has not confirmed it yet."""
    waiting_secret_sealed: Mapped[bytes | None] = sealed_column("waiting_secret", Phi.SECRET)
    waiting_since: Mapped[datetime | None]
    added_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """Thirty-second step of the last code accepted; it and all before it are used up."""


class Passkey(Base):
    """The public half of a key in a device of somebody's."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(1024))
    """COSE key."""
    sign_count: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[str] = mapped_column(String(40))
    """`browser/system` it was added with."""
    added_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One code on paper; 80 random bits, so a plain hash suffices."""

    __tablename__ = "recovery_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """What a passkey is asked to sign: once, within minutes, for one thing."""

    __tablename__ = "passkey_challenges"
    __table_args__ = (one_of("ceremony", Ceremony),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ceremony: Mapped[Ceremony] = mapped_column(EnumText(Ceremony))
    challenge: Mapped[bytes] = mapped_column(LargeBinary(64), unique=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    """None: a sign-in, where nobody is known yet."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class PendingSignIn(Base):
    """A right password, or a provider's word, that waits for its second step; nobody acts on it."""

    __tablename__ = "pending_sign_ins"

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    device: Mapped[str] = mapped_column(String(40))
    by_sign_on: Mapped[bool] = mapped_column(default=False, server_default=false())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class PasswordLink(Base):
    """The right to choose a password for one account, once."""

    __tablename__ = "password_links"

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    """Used, or replaced by a newer one."""
