"""Deliverer of lane `notice`: looks up whom, where and what, sends once, notes the outcome.

The ledger holds neither address nor secret: a number corrected meanwhile is the one used, and
what was wiped cannot leak from an entry that is kept for ever.  No transaction is open while a
channel is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from telehealth.delivery.ports import (
    DeliverOutcome,
    Done,
    FindOutcome,
    Found,
    NoAnswer,
    NotFound,
    OutcomeCode,
    OwedEntry,
    Refused,
    TryLater,
    Unknown,
)
from telehealth.identity import actions as identity
from telehealth.identity import outgoing
from telehealth.messaging import repository
from telehealth.messaging.errors import NoticeUnreadable
from telehealth.messaging.policy import Address, Channel, address_for
from telehealth.messaging.ports import (
    Absent,
    Accepted,
    Later,
    MessageChannel,
    NotAccepted,
    Outgoing,
    Unclear,
)
from telehealth.messaging.tables import Notice, NoticeState
from telehealth.messaging.templates import Facts, Template, written
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database
from telehealth.visits.actions import sight

_REVIEWED_AT: Final = "/auditor"
_SINCE: Final = MappingProxyType(
    {Template.BREAK_GLASS: "opened_at", Template.DAY_REPORT: "made_at"}
)
"""What an auditor is told of, and the fact that says since when."""
_ABOUT_THE_FUTURE: Final = frozenset({Template.BOOKED, Template.INVITATION})
"""Once the appointment is over nobody is told of it; a new link still leads somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """One notice, with everything looked up."""

    template: Template
    person_id: UUID
    secret_id: UUID | None
    """None: it carries neither link nor code of anybody."""
    language: str
    address: Address | None
    message: Outgoing | None = field(repr=False)
    """None: its link or code is over."""


class NoticeDeliverer:
    """Sends one notice.

    Args:
        channels: By what this installation reaches people; a missing one is not used.
        database: Where people, links and notices are.
        clock: Tells instants.
        public_origin: Where our pages are; links begin with it.
    """

    def __init__(
        self,
        channels: Mapping[Channel, MessageChannel],
        *,
        database: Database,
        clock: Clock,
        public_origin: str,
    ) -> None:
        self._channels = channels
        self._database = database
        self._clock = clock
        self._origin = public_origin

    async def deliver(self, entry: OwedEntry) -> DeliverOutcome:
        """Send one notice, unless it is over or nobody can be reached."""
        async with self._database.reading() as session:
            noted = await repository.unscoped_notice(session, entry.message_id)
        if noted is not None:
            return Done(partner_ref=noted.partner_ref)
        try:
            draft = await self._draft(entry)
        except NoticeUnreadable:
            return Refused(code=OutcomeCode.CONTENT_UNREADABLE)
        if draft.message is None:
            return await self._settle(entry, draft, NoticeState.LAPSED)
        if not self._channels:
            return await self._settle(entry, draft, NoticeState.NO_CHANNEL)
        return await self._send(entry, draft, draft.message)

    async def _send(self, entry: OwedEntry, draft: _Draft, message: Outgoing) -> DeliverOutcome:
        channel = None if draft.address is None else self._channels.get(draft.address.channel)
        if channel is None:
            return Refused(code=OutcomeCode.NO_ADDRESS)
        answer = await channel.send(message)
        match answer:
            case Accepted():
                return await self._settle(entry, draft, NoticeState.SENT, answer)
            case NotAccepted():
                return Refused(code=answer.code, http_status=answer.http_status)
            case Later():
                return TryLater(
                    code=answer.code,
                    counts=answer.counts,
                    pauses_partner=answer.pauses_partner,
                    http_status=answer.http_status,
                )
            case Unclear():
                return Unknown(code=answer.code, http_status=answer.http_status)

    async def find(self, entry: OwedEntry) -> FindOutcome:
        """Say whether the notice left: by our own row, else by asking the channel."""
        async with self._database.reading() as session:
            noted = await repository.unscoped_notice(session, entry.message_id)
        if noted is not None:
            return Found(partner_ref=noted.partner_ref)
        try:
            draft = await self._draft(entry)
        except NoticeUnreadable:
            return NoAnswer(code=OutcomeCode.CONTENT_UNREADABLE)
        channel = None if draft.address is None else self._channels.get(draft.address.channel)
        if draft.message is None or channel is None:
            return NotFound()
        answer = await channel.find(draft.message)
        match answer:
            case Accepted():
                await self._settle(entry, draft, NoticeState.SENT, answer)
                return Found(partner_ref=answer.ref, http_status=answer.http_status)
            case Absent():
                return NotFound(http_status=answer.http_status)
            case Unclear():
                return NoAnswer(code=answer.code, http_status=answer.http_status)

    async def close(self) -> None:
        """Let go of the channels' connections."""
        for channel in self._channels.values():
            await channel.close()

    async def _draft(self, entry: OwedEntry) -> _Draft:
        try:
            template = Template(str(entry.payload["template"]))
            person_id = UUID(str(entry.payload["person_id"]))
            if template in _SINCE:
                return await self._draft_to_auditor(entry, template, person_id)
            secret_id = UUID(str(entry.payload["secret_id"]))
        except (KeyError, ValueError):
            raise NoticeUnreadable from None
        async with self._database.unit_of_work() as uow:
            contact = await outgoing.contact_of(uow, person_id=person_id)
            secret = await outgoing.secret_in_force(uow, secret_id, now=self._clock.now())
            clinic = await identity.clinic_card(uow, clinic_id=entry.clinic_id)
            times = await sight.landing_times(uow, visit_id=entry.subject_id)
        address = address_for(phone=contact.phone, email=contact.email)
        message = None
        is_past = times is not None and self._clock.now() >= times.ends_at
        if secret is not None and not (is_past and template in _ABOUT_THE_FUTURE):
            said = written(
                template,
                contact.language,
                Facts(
                    clinic=clinic.short_name,
                    phone=clinic.phone,
                    starts_at=None if times is None else times.starts_at,
                    time_zone=clinic.time_zone,
                    link=f"{self._origin}/v/{secret.value}",
                    code=secret.value,
                ),
            )
            message = Outgoing(
                message_id=entry.message_id,
                to="" if address is None else address.value,
                subject=said.subject,
                text=said.text,
                since=secret.made_at,
            )
        return _Draft(
            template=template,
            person_id=person_id,
            secret_id=secret_id,
            language=contact.language,
            address=address,
            message=message,
        )

    async def _draft_to_auditor(
        self, entry: OwedEntry, template: Template, person_id: UUID
    ) -> _Draft:
        """Write that there is something to read, and where; nothing of what it says."""
        async with self._database.unit_of_work() as uow:
            contact = await outgoing.contact_of(uow, person_id=person_id)
            email = contact.email or await outgoing.account_address(
                uow, person_id=person_id, clinic_id=entry.clinic_id
            )
            clinic = await identity.clinic_card(uow, clinic_id=entry.clinic_id)
        address = address_for(phone=contact.phone, email=email)
        said = written(
            template,
            contact.language,
            Facts(
                clinic=clinic.short_name,
                phone=clinic.phone,
                link=f"{self._origin}{_REVIEWED_AT}{_mark_of(entry)}",
            ),
        )
        return _Draft(
            template=template,
            person_id=person_id,
            secret_id=None,
            language=contact.language,
            address=address,
            message=Outgoing(
                message_id=entry.message_id,
                to="" if address is None else address.value,
                subject=said.subject,
                text=said.text,
                since=datetime.fromisoformat(str(entry.payload[_SINCE[template]])),
            ),
        )

    async def _settle(
        self, entry: OwedEntry, draft: _Draft, state: NoticeState, answer: Accepted | None = None
    ) -> Done:
        """Note what became of it, and wipe the secret it carried."""
        ref = None if answer is None else answer.ref
        async with self._database.unit_of_work() as uow:
            if await repository.unscoped_notice(uow.session, entry.message_id) is None:
                uow.session.add(
                    Notice(
                        id=entry.message_id,
                        clinic_id=entry.clinic_id,
                        visit_id=entry.subject_id,
                        person_id=draft.person_id,
                        template=draft.template,
                        channel=None if draft.address is None else draft.address.channel,
                        language=draft.language,
                        state=state,
                        settled_at=self._clock.now(),
                        partner_ref=ref,
                    )
                )
            if draft.secret_id is not None:
                await outgoing.wipe(uow, draft.secret_id)
        return Done(partner_ref=ref, http_status=None if answer is None else answer.http_status)


def _mark_of(entry: OwedEntry) -> str:
    """Tell two accesses, or reports, apart: one's text must not be found for the other's."""
    return f"#{entry.subject_id.hex[-8:]}"
