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
    PERSON_ADDED = "person.added"
    PERSON_VIEWED = "person.viewed"
    PERSON_ERASED = "person.erased"
    ACCOUNT_ADDED = "account.added"
    PERSON_SIGNED_IN = "person.signed_in"
    PERSON_SIGN_IN_REFUSED = "person.sign_in_refused"
    PERSON_SIGNED_OUT = "person.signed_out"
    SESSION_ENDED = "session.ended"
    """A login session was ended by us: replaced by a newer one, or an old secret came back."""
    PASSWORD_ACCEPTED = "person.password_accepted"  # noqa: S105  (an event, no secret)
    """A right password; the second step of the sign-in is still to come."""
    PASSWORD_CHANGED = "password.changed"  # noqa: S105
    PASSWORD_LINK_MADE = "password.link_made"  # noqa: S105
    PASSWORD_SET_BY_LINK = "password.set_by_link"  # noqa: S105
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    RECOVERY_CODES_MADE = "factor.recovery_codes_made"
    SESSION_PROVED = "session.proved"
    """A factor was shown again before an act that asks for it."""
    SESSION_PROOF_REFUSED = "session.proof_refused"
    ACCOUNT_LOCKED = "account.locked"
    ACCOUNT_UNLOCKED = "account.unlocked"
    ACCOUNT_FACTORS_RESET = "account.factors_reset"
    PERSON_DISABLED = "person.disabled"
    PERSON_ENABLED = "person.enabled"
    PERSON_ROLE_CHANGED = "person.role_changed"
    STAFF_VIEWED = "staff.viewed"
    LINK_ISSUED = "link.issued"
    LINK_OPENED = "link.opened"
    LINK_REFUSED = "link.refused"
    LINK_REPLACED = "link.replaced"
    VISIT_BOOKED = "visit.booked"
    VISIT_OPENED = "visit.opened"
    VISIT_CHECKED_IN = "visit.checked_in"
    VISIT_DEVICE_CHECKED = "visit.device_checked"
    VISIT_CONSENT_GIVEN = "visit.consent_given"
    VISIT_CONSENT_WITHDRAWN = "visit.consent_withdrawn"
    VISIT_CALLED = "visit.called"
    VISIT_PUT_BACK = "visit.put_back"
    VISIT_CONNECTED = "visit.connected"
    VISIT_FINISHED = "visit.finished"
    VISIT_REOPENED_CALL = "visit.reopened_call"
    VISIT_CLOSED = "visit.closed"
    VISIT_CANCELLED = "visit.cancelled"
    VISIT_MARKED_NO_SHOW = "visit.marked_no_show"
    VISIT_LEFT = "visit.left"
    VISIT_RETURNED = "visit.returned"
    VISIT_TICKET_ISSUED = "visit.ticket_issued"
    VISIT_ENTERED_LOBBY = "visit.entered_lobby"
    VISIT_JOINED = "visit.joined"
    VISIT_ADMITTED = "visit.admitted"
    VISIT_RETURNED_TO_LOBBY = "visit.returned_to_lobby"
    VISIT_REMOVED = "visit.removed"
    VISIT_SEAT_REVOKED = "visit.seat_revoked"
    """Whoever sat there may act for the clinic no more."""
    VISIT_MEDIA_FAILED = "visit.media_failed"
    VISIT_ATTENDANCE_ENDED = "visit.attendance_ended"
    VISIT_VIEWED = "visit.viewed"
    QUEUE_VIEWED = "queue.viewed"
    BOARD_VIEWED = "board.viewed"
    NOTE_SAVED = "note.saved"
    NOTE_SIGNED = "note.signed"
    NOTE_VIEWED = "note.viewed"
    DELIVERY_VIEWED = "delivery.viewed"
    DELIVERY_SETTLED = "delivery.settled"
    CHART_PUSHED = "chart.pushed"
    NOTICE_SENT = "notice.sent"
    CODE_ISSUED = "code.issued"
    CODE_ACCEPTED = "code.accepted"
    CODE_REFUSED = "code.refused"
    GUEST_INVITED = "guest.invited"
    GUEST_REVOKED = "guest.revoked"
    SSO_LINKED = "sso.linked"
    SSO_ACCEPTED = "sso.accepted"
    """The clinic's provider vouched for somebody; our own second step is to come."""
    AUDIT_VERIFIED = "audit.verified"
    PRIVACY_VIEWED = "privacy.viewed"
    """A patient looked at what they agreed to, and at who has looked at their data."""
    EXPORT_LINK_MADE = "record.export_link_made"
    EXPORT_REFUSED = "record.export_refused"
    RECORD_EXPORTED = "record.exported"
    CORRECTION_ASKED = "correction.asked"
    CORRECTION_VIEWED = "correction.viewed"
    CORRECTION_ANSWERED = "correction.answered"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
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
        _E.PRIVACY_VIEWED,
        _E.CORRECTION_VIEWED,
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
        _E.AUDIT_VERIFIED,
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
