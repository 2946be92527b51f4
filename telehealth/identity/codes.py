"""Lost links and one-time codes: asked for by contact and birth date, sent to the contact on file.

Whoever asks learns nothing: the request is written down, answered, and looked up only after the
answer has left.  Known or not, the same rows are written before it and the same words are said.

Source:
    NIST SP 800-63B-4 sections 3.1.3 and 3.2.2 (a code by text is a restricted authenticator);
    OWASP ASVS 5.0, 6.5.1 to 6.5.5, 6.6.2 and 6.6.3; OWASP API6:2023 (caps on texts).
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from telehealth.access.actor import Actor, Job
from telehealth.access.roles import Role
from telehealth.audit import actions as audit
from telehealth.audit.events import AuditEvent
from telehealth.contract import ClinicId, PersonId, VisitId
from telehealth.identity import link_door, outgoing, repository
from telehealth.identity.access_tokens import secret_hash
from telehealth.identity.contacts import TypedContact
from telehealth.identity.door import SignedIn
from telehealth.identity.errors import CodeOver, CodeRefused
from telehealth.identity.link_door import Moving
from telehealth.identity.tables import ContactRequest, RequestKind, VisitLink
from telehealth.platform.db import UnitOfWork
from telehealth.platform.errors import TelehealthError
from telehealth.platform.ids import new_uuid

CODE_DIGITS: Final = 7
"""23 random bits."""
CODE_LIFE: Final = timedelta(minutes=10)
CODE_TRIES: Final = 5
SENDS_AN_HOUR: Final = 3
"""For one number or address, whoever asks and whatever for."""
_HOUR: Final = timedelta(hours=1)
_KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was written down; looked up after the answer has left."""

    request_id: UUID
    contact: TypedContact
    birth_on: date = field(repr=False)
    pending_secret: str = field(repr=False)
    """Known to the browser that asked, and to nobody else."""
    may_send: bool
    """False: enough was sent there in the last hour."""


async def ask(
    uow: UnitOfWork,
    *,
    now: datetime,
    kind: RequestKind,
    contact: TypedContact,
    birth_on: date,
    mark_key: bytes,
) -> Asked:
    """Write down that somebody asks for a link or a code; looks nobody up.

    Args:
        uow: The transaction.
        now: Aware instant.
        kind: What is wanted.
        contact: As typed.
        birth_on: As typed.
        mark_key: Secret of the installation, under which contacts are counted.
    """
    pending_secret = secrets.token_urlsafe(32)
    mark = contact.mark(mark_key)
    await repository.unscoped_forget_requests(uow.session, before=now - _KEPT)
    earlier = await repository.unscoped_requests_since(uow.session, mark, since=now - _HOUR)
    request_id = new_uuid()
    uow.session.add(
        ContactRequest(
            id=request_id,
            kind=kind,
            contact_mark=mark,
            pending_hash=secret_hash(pending_secret),
            asked_at=now,
            expires_at=now + CODE_LIFE,
            wrong_tries=0,
        )
    )
    await uow.session.flush()
    return Asked(
        request_id=request_id,
        contact=contact,
        birth_on=birth_on,
        pending_secret=pending_secret,
        may_send=earlier < SENDS_AN_HOUR,
    )


async def answer(uow: UnitOfWork, *, now: datetime, asked: Asked) -> None:
    """Look up who was meant, and send what was asked for to the contact on file.

    Of several visits the one whose link ends first is meant: the next, or one just over.
    """
    if not asked.may_send:
        return
    link = await repository.unscoped_link_by_contact(
        uow.session, asked.contact, birth_on=asked.birth_on, now=now
    )
    request = await repository.unscoped_request(uow.session, asked.request_id)
    if link is None or request is None:
        return
    if request.kind is RequestKind.LINK:
        await _send_link(uow, link, now=now)
    else:
        await _send_code(uow, request, link, now=now, pending_secret=asked.pending_secret)


async def come_in_by_code(
    uow: UnitOfWork, *, now: datetime, pending_secret: str, code: str, moves: Moving
) -> SignedIn | TelehealthError:
    """Let a patient in who was sent a code and types it into the browser that asked for it.

    Returns:
        The login session; `CodeRefused` with the tries left, `CodeOver`, or `LinkInUse`.  The first
        two are the same whether a code was ever sent or not.
    """
    request = await repository.unscoped_lock_request(uow.session, secret_hash(pending_secret))
    if request is None or request.kind is not RequestKind.CODE or _is_over(request, now=now):
        return CodeOver()
    expected = request.code_hash or secrets.token_bytes(32)
    is_right = hmac.compare_digest(_code_hash(pending_secret, code), expected)
    link = await _link_of(uow, request, now=now)
    if not is_right or link is None:
        return await _count_wrong_code(uow, request, link, now=now)
    outcome = await link_door.come_in_by_link(
        uow, link, now=now, event=AuditEvent.CODE_ACCEPTED, moves=moves
    )
    if isinstance(outcome, SignedIn):
        request.used_at = now
    return outcome


async def _send_link(uow: UnitOfWork, link: VisitLink, *, now: datetime) -> None:
    await outgoing.give_link(
        uow,
        by=Actor.of_job(Job.SIGN_IN, ClinicId(link.clinic_id)),
        now=now,
        person_id=PersonId(link.person_id),
        visit_id=VisitId(link.visit_id),
        expires_at=link.expires_at,
        template="new_link",
    )


async def _send_code(
    uow: UnitOfWork,
    request: ContactRequest,
    link: VisitLink,
    *,
    now: datetime,
    pending_secret: str,
) -> None:
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    request.link_id, request.code_hash = link.id, _code_hash(pending_secret, code)
    await uow.session.flush()
    await outgoing.send(
        uow,
        now=now,
        template="code",
        clinic_id=ClinicId(link.clinic_id),
        person_id=PersonId(link.person_id),
        visit_id=VisitId(link.visit_id),
        secret=code,
        expires_at=request.expires_at,
    )
    await _audit(uow, link, AuditEvent.CODE_ISSUED, now=now)


async def _link_of(uow: UnitOfWork, request: ContactRequest, *, now: datetime) -> VisitLink | None:
    """Return the link a code leads to, if it was not replaced or over since."""
    if request.link_id is None:
        return None
    link = await repository.unscoped_lock_link_by_id(uow.session, request.link_id)
    if link is None or link.replaced_at is not None or now >= link.expires_at:
        return None
    return link if link.role is Role.PATIENT else None


async def _count_wrong_code(
    uow: UnitOfWork, request: ContactRequest, link: VisitLink | None, *, now: datetime
) -> TelehealthError:
    request.wrong_tries += 1
    await uow.session.flush()
    if link is not None:
        await _audit(uow, link, AuditEvent.CODE_REFUSED, now=now)
    left = CODE_TRIES - request.wrong_tries
    return CodeRefused(tries_left=left) if left > 0 else CodeOver()


async def _audit(uow: UnitOfWork, link: VisitLink, event: AuditEvent, *, now: datetime) -> None:
    await audit.record(
        uow,
        by=Actor.of_job(Job.SIGN_IN, ClinicId(link.clinic_id)),
        now=now,
        event=event,
        visit_id=link.visit_id,
        patient_id=link.person_id,
        subject_id=link.id,
    )


def _is_over(request: ContactRequest, *, now: datetime) -> bool:
    is_spent = request.used_at is not None or request.wrong_tries >= CODE_TRIES
    return is_spent or now >= request.expires_at


def _code_hash(pending_secret: str, code: str) -> bytes:
    """Hash a code under what only the asking browser holds: the database alone tells no code."""
    return hmac.digest(pending_secret.encode(), code.encode(), hashlib.sha256)
