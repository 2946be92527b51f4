"""Stored form of clinics, people, accounts, login sessions and visit links."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.access.roles import Role
from telehealth.identity.standing import DisableReason
from telehealth.identity.step_up import Proof
from telehealth.platform.db import Base, EnumText, one_of
from telehealth.platform.sealing.blind import Normal
from telehealth.platform.sealing.columns import (
    DATE,
    TEXT,
    Blind,
    Phi,
    Sealed,
    index_column,
    sealed_column,
)

NAME_BITS: Final = 12
"""Of 256: several names share an index, so that a copy of the database tells less of them."""


class Clinic(Base):
    """The wall: nothing of one clinic is seen in another."""

    __tablename__ = "clinics"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    short_name: Mapped[str] = mapped_column(String(40))
    phone: Mapped[str] = mapped_column(String(40))
    time_zone: Mapped[str] = mapped_column(String(64))


class Person(Base):
    """One human being, as the clinic that keeps the record knows them."""

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("clinic_id", "medical_record_number_index"),
        Index("ix_people_family", "clinic_id", "family_index"),
        Index("ix_people_given", "clinic_id", "given_index"),
    )
    __sealed_for__ = "id"
    __sealed_group__ = "identity"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"), index=True)
    given = Sealed[str](
        "given_sealed",
        TEXT,
        index=Blind(attribute="given_index", normal=Normal.NAME, bits=NAME_BITS),
    )
    given_sealed: Mapped[bytes] = sealed_column("given", Phi.IDENTIFIER)
    given_index: Mapped[bytes | None] = index_column()
    family = Sealed[str](
        "family_sealed",
        TEXT,
        index=Blind(attribute="family_index", normal=Normal.NAME, bits=NAME_BITS),
    )
    family_sealed: Mapped[bytes] = sealed_column("family", Phi.IDENTIFIER)
    family_index: Mapped[bytes | None] = index_column()
    birth_on = Sealed[date | None]("birth_on_sealed", DATE)
    birth_on_sealed: Mapped[bytes | None] = sealed_column("birth_on", Phi.IDENTIFIER)
    phone = Sealed[str | None](
        "phone_sealed",
        TEXT,
        index=Blind(attribute="phone_index", normal=Normal.PHONE, across_clinics=True),
    )
    phone_sealed: Mapped[bytes | None] = sealed_column("phone", Phi.CONTACT)
    phone_index: Mapped[bytes | None] = index_column()
    email = Sealed[str | None](
        "email_sealed",
        TEXT,
        index=Blind(attribute="email_index", normal=Normal.TEXT, across_clinics=True),
    )
    """Where notices go without a number; lower case.  An account's address is another column."""
    email_sealed: Mapped[bytes | None] = sealed_column("email", Phi.CONTACT)
    email_index: Mapped[bytes | None] = index_column()
    language: Mapped[str] = mapped_column(String(8), default="en", server_default="en")
    medical_record_number = Sealed[str | None](
        "medical_record_number_sealed",
        TEXT,
        index=Blind(attribute="medical_record_number_index", normal=Normal.TEXT),
    )
    medical_record_number_sealed: Mapped[bytes | None] = sealed_column(
        "medical_record_number", Phi.IDENTIFIER
    )
    medical_record_number_index: Mapped[bytes | None] = index_column()
    npi: Mapped[str | None] = mapped_column(String(16))
    added_at: Mapped[datetime]


class Membership(Base):
    """A person's role in one clinic."""

    __tablename__ = "memberships"
    __table_args__ = (one_of("role", Role), one_of("disabled_reason", DisableReason))

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(EnumText(Role))
    added_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    """Set: this person acts for this clinic no more, until somebody enables them again."""
    disabled_reason: Mapped[DisableReason | None] = mapped_column(EnumText(DisableReason))
    is_told: Mapped[bool] = mapped_column(default=True, server_default=true())
    """An Auditor: whether emergency accesses are told to them as they happen."""


class Account(Base):
    """How a member of staff signs in."""

    __tablename__ = "accounts"
    __sealed_for__ = "person_id"
    __sealed_group__ = "identity"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), unique=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    email = Sealed[str](
        "email_sealed",
        TEXT,
        index=Blind(attribute="email_index", normal=Normal.TEXT, across_clinics=True),
    )
    """Lower case."""
    email_sealed: Mapped[bytes] = sealed_column("email", Phi.CONTACT)
    email_index: Mapped[bytes | None] = index_column(unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    """Empty until the person has chosen a password."""
    password_set_at: Mapped[datetime | None]
    wrong_tries: Mapped[int] = mapped_column(default=0)
    """Passwords and codes in a row; a whole sign-in sets it back."""
    wait_until: Mapped[datetime | None]
    sign_on_unlinked_at: Mapped[datetime | None]
    """Set: a subject was taken off once, so no address links one by itself any more."""


class VisitLink(Base):
    """The right of one person to come to one visit: a patient's birth date goes with it."""

    __tablename__ = "visit_links"
    __table_args__ = (
        one_of("role", Role),
        # At most one link of a person to a visit is in force.
        Index(
            "uq_visit_links_in_force",
            "visit_id",
            "person_id",
            unique=True,
            sqlite_where=text("replaced_at IS NULL"),
            postgresql_where=text("replaced_at IS NULL"),
        ),
        CheckConstraint("wrong_tries >= 0", name="wrong_tries_counted"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    visit_id: Mapped[UUID]
    role: Mapped[Role] = mapped_column(
        EnumText(Role), default=Role.PATIENT, server_default=Role.PATIENT.value
    )
    """Patient or Guest."""
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]
    wrong_tries: Mapped[int] = mapped_column(default=0)


class LoginSession(Base):
    """One browser that somebody is signed in with."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        one_of("role", Role),
        one_of("proved_by", Proof),
        # Opening a link anew ends the older session of that link.
        Index(
            "uq_login_sessions_one_a_link",
            "link_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL AND link_id IS NOT NULL"),
            postgresql_where=text("ended_at IS NULL AND link_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    role: Mapped[Role] = mapped_column(EnumText(Role))
    link_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit_links.id"))
    visit_id: Mapped[UUID | None]
    started_at: Mapped[datetime]
    renewed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """However busy, the session is over then."""
    ended_at: Mapped[datetime | None]
    device: Mapped[str] = mapped_column(String(40), default="", server_default="")
    """`browser/system` in coarse words; empty for patients."""
    may_only_enrol: Mapped[bool] = mapped_column(default=False, server_default=false())
    """A second factor is required and there is none: nothing is open but adding one."""
    proved_at: Mapped[datetime | None]
    proved_by: Mapped[Proof | None] = mapped_column(EnumText(Proof))
    proved_with: Mapped[UUID | None]
    """Which factor, where it is one of several."""
    by_sign_on: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Opened at the clinic's OpenID provider: it ends when the account's subject is unlinked."""


class RefreshSecret(Base):
    """One secret a session was renewed or is to be renewed with; kept to notice its return."""

    __tablename__ = "refresh_secrets"

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id"), index=True)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class OutgoingSecret(Base):
    """The secret of a link or code that has to leave; null once it has."""

    __tablename__ = "outgoing_secrets"
    __sealed_for__ = "person_id"
    __sealed_group__ = "identity"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID]
    person_id: Mapped[UUID]
    secret = Sealed[str | None]("secret_sealed", TEXT)
    secret_sealed: Mapped[bytes | None] = sealed_column("secret", Phi.SECRET)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RequestKind(StrEnum):
    """What somebody without a link asked for.  Stored: renaming one is a migration."""

    LINK = "link"
    CODE = "code"


class ContactRequest(Base):
    """Somebody typed a contact and a birth date; whether we know them stands nowhere else."""

    __tablename__ = "contact_requests"
    __table_args__ = (
        one_of("kind", RequestKind),
        CheckConstraint("wrong_tries >= 0", name="wrong_tries_counted"),
        Index("ix_contact_requests_mark", "contact_mark", "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[RequestKind] = mapped_column(EnumText(RequestKind))
    contact_mark: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Keyed hash of the number or address, to count how often it was asked for."""
    pending_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    """Hash of the cookie of the browser that asked; nobody else may use the code."""
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    link_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit_links.id"))
    """The visit the code leads to; null: we know nobody like that."""
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    wrong_tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]


class SsoIdentity(Base):
    """The subject of an OpenID provider that an account belongs to; one each."""

    __tablename__ = "sso_identities"

    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id"), unique=True)
    linked_at: Mapped[datetime]
