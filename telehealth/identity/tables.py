"""Stored form of clinics, people, accounts, login sessions and visit links."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from telehealth.access.roles import Role
from telehealth.platform.db import Base, EnumText, one_of


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
    __table_args__ = (UniqueConstraint("clinic_id", "medical_record_number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"), index=True)
    given: Mapped[str] = mapped_column(String(100))
    family: Mapped[str] = mapped_column(String(100))
    birth_on: Mapped[date | None]
    phone: Mapped[str | None] = mapped_column(String(40))
    medical_record_number: Mapped[str | None] = mapped_column(String(64))
    npi: Mapped[str | None] = mapped_column(String(16))
    added_at: Mapped[datetime]


class Membership(Base):
    """A person's role in one clinic."""

    __tablename__ = "memberships"
    __table_args__ = (one_of("role", Role),)

    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(EnumText(Role))
    added_at: Mapped[datetime]
    is_told: Mapped[bool] = mapped_column(default=True, server_default=true())
    """An Auditor: whether emergency accesses are told to them as they happen."""


class Account(Base):
    """How a member of staff signs in."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), unique=True)
    clinic_id: Mapped[UUID] = mapped_column(ForeignKey("clinics.id"))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """Lower case."""
    password_hash: Mapped[str] = mapped_column(String(255))
    wrong_tries: Mapped[int] = mapped_column(default=0)
    """In a row; a right password sets it back."""
    wait_until: Mapped[datetime | None]


class VisitLink(Base):
    """The right of one person to come to one visit, if they know their birth date."""

    __tablename__ = "visit_links"
    __table_args__ = (
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


class RefreshSecret(Base):
    """One secret a session was renewed or is to be renewed with; kept to notice its return."""

    __tablename__ = "refresh_secrets"

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id"), index=True)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
