"""Everything that can be written into the audit trail.  Pure.

Values are stored: renaming one breaks every chain that holds it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class AuditEvent(StrEnum):
    """What happened."""

    CLINIC_ADDED = "clinic.added"
    """A clinic was set up."""
    PERSON_ADDED = "person.added"
    """A person was added to the clinic."""
    PERSON_VIEWED = "person.viewed"
    """A patient's own card was looked at."""
    PERSON_ERASED = "person.erased"
    """A person was erased: what finds them is removed, their keys are destroyed after it."""
    ACCOUNT_ADDED = "account.added"
    """A person was given a role and a way to sign in."""
    PERSON_SIGNED_IN = "person.signed_in"
    """Somebody signed in."""
    PERSON_SIGN_IN_REFUSED = "person.sign_in_refused"
    """A sign-in was refused."""
    PERSON_SIGNED_OUT = "person.signed_out"
    """Somebody signed out."""
    SESSION_ENDED = "session.ended"
    """A login session was ended by us: replaced by a newer one, or an old secret came back."""
    PASSWORD_ACCEPTED = "person.password_accepted"  # noqa: S105  (an event, no secret)
    """A right password; the second step of the sign-in is still to come."""
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    """Somebody changed their own password."""
    PASSWORD_LINK_MADE = "password.link_made"  # noqa: S105
    """A link to choose a password was made."""
    PASSWORD_SET_BY_LINK = "password.set_by_link"  # noqa: S105
    """A password was chosen by a link."""
    FACTOR_ADDED = "factor.added"
    """Somebody added a second factor."""
    FACTOR_REMOVED = "factor.removed"
    """Somebody removed a second factor of their own."""
    RECOVERY_CODES_MADE = "factor.recovery_codes_made"
    """Somebody drew recovery codes; older ones are void."""
    SESSION_PROVED = "session.proved"
    """A factor was shown again before an act that asks for it."""
    SESSION_PROOF_REFUSED = "session.proof_refused"
    """A factor shown again was wrong."""
    ACCOUNT_LOCKED = "account.locked"
    """An account was locked after wrong tries."""
    ACCOUNT_UNLOCKED = "account.unlocked"
    """A lock was ended by an administrator."""
    ACCOUNT_FACTORS_RESET = "account.factors_reset"
    """A person's second factors were removed by an administrator."""
    PERSON_DISABLED = "person.disabled"
    """A member of staff may act for the clinic no more."""
    PERSON_ENABLED = "person.enabled"
    """A member of staff may act for the clinic again."""
    PERSON_ROLE_CHANGED = "person.role_changed"
    """A member of staff was given another role."""
    STAFF_VIEWED = "staff.viewed"
    """The list of the staff was looked at."""
    LINK_ISSUED = "link.issued"
    """A visit link was made for a patient."""
    LINK_OPENED = "link.opened"
    """A patient came in by a visit link and the right birth date."""
    LINK_REFUSED = "link.refused"
    """A visit link was refused: wrong birth date, ended, locked or replaced."""
    LINK_REPLACED = "link.replaced"
    """A visit link was replaced; the older one opens nothing more."""
    VISIT_BOOKED = "visit.booked"
    """A visit was booked for a patient."""
    VISIT_OPENED = "visit.opened"
    """The patient opened the visit's page for the first time."""
    VISIT_CHECKED_IN = "visit.checked_in"
    """The patient said where they are and how to call them back."""
    VISIT_DEVICE_CHECKED = "visit.device_checked"
    """The patient ended the device check, or came without it."""
    VISIT_CONSENT_GIVEN = "visit.consent_given"
    """The patient gave consent to a version of its text."""
    VISIT_CONSENT_WITHDRAWN = "visit.consent_withdrawn"
    """The patient withdrew consent."""
    VISIT_CALLED = "visit.called"
    """The provider called the patient in."""
    VISIT_PUT_BACK = "visit.put_back"
    """A called patient did not come and was put back into the queue."""
    VISIT_CONNECTED = "visit.connected"
    """Patient and provider were connected; care began."""
    VISIT_FINISHED = "visit.finished"
    """The provider finished the call."""
    VISIT_REOPENED_CALL = "visit.reopened_call"
    """The provider went back into a call just finished."""
    VISIT_CLOSED = "visit.closed"
    """The provider closed the visit; it is Done."""
    VISIT_CANCELLED = "visit.cancelled"
    """A visit was cancelled, with a reason."""
    VISIT_MARKED_NO_SHOW = "visit.marked_no_show"
    """It was marked that the patient did not come."""
    VISIT_LEFT = "visit.left"
    """The patient left before being seen."""
    VISIT_RETURNED = "visit.returned"
    """A no-show was undone, or a patient who left came back."""
    VISIT_TICKET_ISSUED = "visit.ticket_issued"
    """Somebody was given the right to enter the visit's room once."""
    VISIT_ENTERED_LOBBY = "visit.entered_lobby"
    """Somebody sat down in the lobby of the visit's room."""
    VISIT_JOINED = "visit.joined"
    """Somebody joined the visit's room: can hear, see and be heard."""
    VISIT_ADMITTED = "visit.admitted"
    """Somebody was let in from the lobby."""
    VISIT_RETURNED_TO_LOBBY = "visit.returned_to_lobby"
    """Somebody was sent back to the lobby."""
    VISIT_REMOVED = "visit.removed"
    """Somebody was removed from the visit's room."""
    VISIT_SEAT_REVOKED = "visit.seat_revoked"
    """Whoever sat there may act for the clinic no more."""
    VISIT_MEDIA_FAILED = "visit.media_failed"
    """Audio and video of somebody failed."""
    VISIT_ATTENDANCE_ENDED = "visit.attendance_ended"
    """Somebody left the visit's room."""
    VISIT_VIEWED = "visit.viewed"
    """A visit was looked at: who the patient is, how they are doing."""
    QUEUE_VIEWED = "queue.viewed"
    """A patient was seen in a provider's queue."""
    BOARD_VIEWED = "board.viewed"
    """A patient was seen on the day board."""
    NOTE_SAVED = "note.saved"
    """A version of a visit's note was saved."""
    NOTE_SIGNED = "note.signed"
    """A visit's note was signed."""
    NOTE_VIEWED = "note.viewed"
    """A visit's note was read."""
    DELIVERY_VIEWED = "delivery.viewed"
    """The list of what could not be delivered was looked at."""
    DELIVERY_SETTLED = "delivery.settled"
    """A parked delivery was settled by a person."""
    CHART_PUSHED = "chart.pushed"
    """A patient's data was filed in the chart of a partner."""
    EMERGENCY_OPENED = "emergency.opened"
    """Somebody opened a record in an emergency, with a reason and a fresh proof."""
    EMERGENCY_REFUSED = "emergency.refused"
    """Somebody asked for a record in an emergency by a number and birth date that nobody has."""
    EMERGENCY_VIEWED = "emergency.viewed"
    """A record opened in an emergency was read."""
    EMERGENCY_ENDED = "emergency.ended"
    """An emergency access ended, by its time or by a person."""
    EMERGENCIES_VIEWED = "emergencies.viewed"
    """The list of emergency accesses was looked at."""
    NOTICE_SENT = "notice.sent"
    """A text or e-mail was handed to its channel."""
    CODE_ISSUED = "code.issued"
    """A code to come in by was made."""
    CODE_ACCEPTED = "code.accepted"
    """Somebody came in by a code."""
    CODE_REFUSED = "code.refused"
    """A code was wrong, or over."""
    GUEST_INVITED = "guest.invited"
    """A guest was invited to a visit."""
    GUEST_REVOKED = "guest.revoked"
    """A guest's invitation was taken back."""
    SSO_LINKED = "sso.linked"
    """An account was linked to a subject of the clinic's provider."""
    SSO_UNLINKED = "sso.unlinked"
    """An account was taken off the subject of the clinic's OpenID provider."""
    SSO_ACCEPTED = "sso.accepted"
    """The clinic's provider vouched for somebody; our own second step is to come."""
    AUDIT_VERIFIED = "audit.verified"
    """The audit trail was checked for alterations."""
    AUDIT_VIEWED = "audit.viewed"
    """Entries of the audit trail were read."""
    AUDIT_EXPORTED = "audit.exported"
    """Entries of the audit trail were taken out of the product."""
    DAY_REPORT_MADE = "day_report.made"
    """The report of one day of the audit trail was made."""
    DAY_REPORTS_VIEWED = "day_reports.viewed"
    """The reports of days were read."""
    DAY_REPORT_REVIEWED = "day_report.reviewed"
    """An auditor marked a day's report as looked at."""
    ACCOUNTING_VIEWED = "accounting.viewed"
    """An accounting of what left about a patient, and who looked, was made."""
    PRIVACY_VIEWED = "privacy.viewed"
    """A patient looked at what they agreed to, and at who has looked at their data."""
    EXPORT_LINK_MADE = "record.export_link_made"
    """A link was made with which a patient takes their record along."""
    EXPORT_REFUSED = "record.export_refused"
    """An export of a record was refused."""
    RECORD_EXPORTED = "record.exported"
    """A patient's record was handed out to the patient."""
    CORRECTION_ASKED = "correction.asked"
    """A patient asked for a correction of their record."""
    CORRECTION_VIEWED = "correction.viewed"
    """Requests for correction were looked at."""
    CORRECTION_ANSWERED = "correction.answered"
    """A request for correction was answered."""
    HOLD_PLACED = "hold.placed"
    """A legal hold was placed: nothing of the patient is removed."""
    HOLD_LIFTED = "hold.lifted"
    """A legal hold was lifted."""
    RETENTION_REMOVED = "retention.removed"
    """Rows of one kind reached their age and are gone; `rows` says how many."""


class AuditAction(StrEnum):
    """What kind of act an event is, as FHIR AuditEvent.action codes it."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    EXECUTE = "E"


_E = AuditEvent
_READS: Final = frozenset(
    {
        _E.PERSON_VIEWED,
        _E.VISIT_VIEWED,
        _E.QUEUE_VIEWED,
        _E.BOARD_VIEWED,
        _E.NOTE_VIEWED,
        _E.DELIVERY_VIEWED,
        _E.AUDIT_VIEWED,
        _E.ACCOUNTING_VIEWED,
        _E.PRIVACY_VIEWED,
        _E.CORRECTION_VIEWED,
        _E.EMERGENCY_VIEWED,
        _E.EMERGENCIES_VIEWED,
        _E.DAY_REPORTS_VIEWED,
        _E.STAFF_VIEWED,
    }
)
_CREATES: Final = frozenset(
    {
        _E.CLINIC_ADDED,
        _E.PERSON_ADDED,
        _E.ACCOUNT_ADDED,
        _E.PASSWORD_LINK_MADE,
        _E.FACTOR_ADDED,
        _E.RECOVERY_CODES_MADE,
        _E.LINK_ISSUED,
        _E.VISIT_BOOKED,
        _E.VISIT_TICKET_ISSUED,
        _E.CHART_PUSHED,
        _E.CODE_ISSUED,
        _E.GUEST_INVITED,
        _E.SSO_LINKED,
        _E.EXPORT_LINK_MADE,
        _E.CORRECTION_ASKED,
        _E.DAY_REPORT_MADE,
    }
)
_EXECUTES: Final = frozenset(
    {
        _E.PERSON_SIGNED_IN,
        _E.PERSON_SIGN_IN_REFUSED,
        _E.PERSON_SIGNED_OUT,
        _E.SESSION_ENDED,
        _E.PASSWORD_ACCEPTED,
        _E.SSO_ACCEPTED,
        _E.SESSION_PROVED,
        _E.SESSION_PROOF_REFUSED,
        _E.LINK_OPENED,
        _E.LINK_REFUSED,
        _E.EMERGENCY_OPENED,
        _E.EMERGENCY_ENDED,
        _E.EMERGENCY_REFUSED,
        _E.AUDIT_VERIFIED,
        _E.AUDIT_EXPORTED,
        _E.NOTICE_SENT,
        _E.CODE_ACCEPTED,
        _E.CODE_REFUSED,
        _E.EXPORT_REFUSED,
        _E.RECORD_EXPORTED,
        _E.RETENTION_REMOVED,
    }
)

ACTION: Final[Mapping[AuditEvent, AuditAction]] = MappingProxyType(
    {
        event: AuditAction.READ
        if event in _READS
        else AuditAction.CREATE
        if event in _CREATES
        else AuditAction.EXECUTE
        if event in _EXECUTES
        else AuditAction.UPDATE
        for event in AuditEvent
    }
)
"""Source: FHIR R4 AuditEvent.action (create, read, update, execute)."""

EMERGENCY: Final = frozenset(event for event in AuditEvent if event.value.startswith("emergency."))
"""Access without the usual right to it, with a reason given: an auditor sees it first."""

REFUSED: Final = frozenset({_E.PERSON_SIGN_IN_REFUSED, _E.LINK_REFUSED, _E.EXPORT_REFUSED})
"""What was tried and not allowed; every other event has happened."""

DISCLOSED: Final[Mapping[AuditEvent, str]] = MappingProxyType({_E.CHART_PUSHED: "chart"})
"""Events by which a patient's data left the product, and the kind of partner it went to.  A
notice tells a person of a visit of their own: no disclosure in the sense of 45 CFR 164.528."""
