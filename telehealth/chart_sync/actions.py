"""Deliverer of lane `ehr`: writes one visit into its patient's chart.

Everything that goes into a resource is known and stored before the first byte leaves, so a resend
has the same bytes.  No transaction is open during a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from telehealth.chart_sync import repository
from telehealth.chart_sync.errors import ChartPayloadUnreadable
from telehealth.chart_sync.mapping import (
    NPI_SYSTEM,
    ChartReferences,
    Resource,
    VisitFacts,
    encounter,
    encounter_identifier,
    note,
    note_identifier,
    visit_facts,
    visit_system,
)
from telehealth.chart_sync.ports import Chart, Matched, Stored, Trouble, TroubleKind
from telehealth.chart_sync.tables import ChartLink, ChartThing
from telehealth.delivery.lanes import EntryKind
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
    Rejected,
    TryLater,
    Unknown,
)
from telehealth.platform.clock import Clock
from telehealth.platform.db import Database

Known: TypeAlias = Mapping[ChartThing, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPlace:
    """What names our things at one EHR."""

    deployment: str
    """Name of this installation, in `urn:<deployment>:visit`."""
    patient_system: str
    """Identifier system of the medical record numbers we were given."""


class ChartDeliverer:
    """Writes the Encounter of a visit, then its note.

    Args:
        chart: The EHR.
        database: Where references are remembered.
        clock: Tells instants.
        place: What names our things there.
    """

    def __init__(
        self, chart: Chart, *, database: Database, clock: Clock, place: ChartPlace
    ) -> None:
        self._chart = chart
        self._database = database
        self._clock = clock
        self._place = place
        self._system = visit_system(place.deployment)

    async def deliver(self, entry: OwedEntry) -> DeliverOutcome:
        """Write one resource into the chart, unless it is there."""
        try:
            facts = visit_facts(entry.payload)
            known = await self._known(entry)
            references = await self._references(entry, facts, known)
            if not isinstance(references, ChartReferences):
                return references
            if entry.kind is EntryKind.CHART_ENCOUNTER:
                return await self._deliver_encounter(entry, facts, references)
            return await self._deliver_note(entry, facts, references, known)
        except ChartPayloadUnreadable:
            return Refused(code=OutcomeCode.CONTENT_UNREADABLE)

    async def find(self, entry: OwedEntry) -> FindOutcome:
        """Ask the EHR for the resource that carries this entry's identifier."""
        is_encounter = entry.kind is EntryKind.CHART_ENCOUNTER
        resource_type = "Encounter" if is_encounter else "DocumentReference"
        # The ledger's key of a chart entry is the resource's identifier value.
        answer = await self._chart.find(resource_type, system=self._system, value=entry.key)
        if isinstance(answer, Trouble):
            return NoAnswer(
                code=answer.code, not_before=answer.not_before, http_status=answer.http_status
            )
        if not answer.refs:
            return NotFound(http_status=answer.http_status)
        if len(answer.refs) > 1:
            return Rejected(code=OutcomeCode.DUPLICATES_AT_PARTNER, http_status=answer.http_status)
        if is_encounter:
            await self._remember(entry, ChartThing.ENCOUNTER, answer.refs[0])
        return Found(partner_ref=answer.refs[0], http_status=answer.http_status)

    async def close(self) -> None:
        """Let go of the EHR's connections."""
        await self._chart.close()

    async def _deliver_encounter(
        self, entry: OwedEntry, facts: VisitFacts, references: ChartReferences
    ) -> DeliverOutcome:
        resource = encounter(facts, references, deployment=self._place.deployment)
        identifier = encounter_identifier(facts.visit_id)
        outcome = await self._create(entry, resource, identifier)
        if isinstance(outcome, Done) and outcome.partner_ref is not None:
            await self._remember(entry, ChartThing.ENCOUNTER, outcome.partner_ref)
        return outcome

    async def _deliver_note(
        self, entry: OwedEntry, facts: VisitFacts, references: ChartReferences, known: Known
    ) -> DeliverOutcome:
        encounter_ref = known.get(ChartThing.ENCOUNTER)
        if encounter_ref is None:
            found = await self._find_encounter(entry, facts)
            if not isinstance(found, str):
                return found
            encounter_ref = found
        version = 0 if facts.note is None else facts.note.version
        resource = note(
            facts,
            references,
            encounter_ref=encounter_ref,
            deployment=self._place.deployment,
        )
        return await self._create(entry, resource, note_identifier(facts.visit_id, version))

    async def _create(self, entry: OwedEntry, resource: Resource, value: str) -> DeliverOutcome:
        answer = await self._chart.create_once(
            resource, system=self._system, value=value, send_before_s=entry.send_before_s
        )
        match answer:
            case Stored(ref=ref, http_status=status):
                return Done(partner_ref=ref, http_status=status)
            case Trouble(kind=TroubleKind.REFUSED):
                return Refused(code=answer.code, http_status=answer.http_status)
            case Trouble(kind=TroubleKind.LATER):
                return _try_later(answer)
            case Trouble():
                return Unknown(
                    code=answer.code, not_before=answer.not_before, http_status=answer.http_status
                )

    async def _references(
        self, entry: OwedEntry, facts: VisitFacts, known: Known
    ) -> ChartReferences | DeliverOutcome:
        """Say where patient and provider are in the chart; looked up once per visit."""
        patient = known.get(ChartThing.PATIENT)
        if patient is None:
            found = await self._find_patient(facts)
            if not isinstance(found, str):
                return found
            patient = found
            await self._remember(entry, ChartThing.PATIENT, patient)
        if ChartThing.PRACTITIONER in known:
            practitioner = known[ChartThing.PRACTITIONER]
        else:
            looked_up = await self._find_practitioner(facts)
            if isinstance(looked_up, TryLater):
                return looked_up
            practitioner = looked_up
            await self._remember(entry, ChartThing.PRACTITIONER, practitioner)
        return ChartReferences(patient=patient, practitioner=practitioner)

    async def _find_patient(self, facts: VisitFacts) -> str | DeliverOutcome:
        """Find exactly one Patient with our number and birth date; never make one."""
        number = facts.patient.medical_record_number
        if number is None:
            return Refused(code=OutcomeCode.PATIENT_NOT_FOUND)
        answer = await self._chart.find("Patient", system=self._place.patient_system, value=number)
        if isinstance(answer, Trouble):
            return _before_sending(answer)
        if len(answer.refs) != 1:
            code = OutcomeCode.PATIENT_AMBIGUOUS if answer.refs else OutcomeCode.PATIENT_NOT_FOUND
            return Refused(code=code, http_status=answer.http_status)
        if not _is_born_on(answer.resources[0], facts):
            return Refused(code=OutcomeCode.PATIENT_MISMATCH, http_status=answer.http_status)
        return answer.refs[0]

    async def _find_practitioner(self, facts: VisitFacts) -> str | TryLater | None:
        """Find the provider by NPI; without one, or with several, the name alone is written."""
        if facts.provider.npi is None:
            return None
        answer = await self._chart.find("Practitioner", system=NPI_SYSTEM, value=facts.provider.npi)
        if isinstance(answer, Matched):
            return answer.refs[0] if len(answer.refs) == 1 else None
        if answer.kind is TroubleKind.REFUSED:
            return None
        return _try_later(answer)

    async def _find_encounter(self, entry: OwedEntry, facts: VisitFacts) -> str | DeliverOutcome:
        value = encounter_identifier(facts.visit_id)
        answer = await self._chart.find("Encounter", system=self._system, value=value)
        if isinstance(answer, Trouble):
            return _before_sending(answer)
        if len(answer.refs) != 1:
            code = (
                OutcomeCode.DUPLICATES_AT_PARTNER if answer.refs else OutcomeCode.ENCOUNTER_MISSING
            )
            return Refused(code=code, http_status=answer.http_status)
        await self._remember(entry, ChartThing.ENCOUNTER, answer.refs[0])
        return answer.refs[0]

    async def _known(self, entry: OwedEntry) -> Known:
        async with self._database.reading() as session:
            return await repository.unscoped_links(session, entry.subject_id)

    async def _remember(self, entry: OwedEntry, thing: ChartThing, ref: str | None) -> None:
        async with self._database.unit_of_work() as uow:
            link = ChartLink(
                visit_id=entry.subject_id,
                thing=thing,
                clinic_id=entry.clinic_id,
                remote_ref=ref,
                linked_at=self._clock.now(),
            )
            await repository.unscoped_remember(uow.session, link)


def _is_born_on(patient: Mapping[str, Any], facts: VisitFacts) -> bool:
    """Compare birth dates where both sides have one: a second factor against a wrong number."""
    charted = patient.get("birthDate")
    if charted is None or facts.patient.birth_on is None:
        return True
    # FHIR dates may be partial (`1980`, `1980-05`): compare as far as they go.
    return isinstance(charted, str) and facts.patient.birth_on.isoformat().startswith(charted)


def _before_sending(trouble: Trouble) -> Refused | TryLater:
    """Read trouble with a question asked before sending: nothing can have arrived."""
    if trouble.kind is TroubleKind.REFUSED:
        return Refused(code=trouble.code, http_status=trouble.http_status)
    return _try_later(trouble)


def _try_later(trouble: Trouble) -> TryLater:
    return TryLater(
        code=trouble.code,
        not_before=trouble.not_before,
        counts=trouble.counts,
        pauses_partner=trouble.pauses_partner,
        http_status=trouble.http_status,
    )
