"""The six roles and what each may do, in plain English.  Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """In what capacity a person acts.  Stored: renaming one is a migration."""

    PATIENT = "patient"
    PROVIDER = "provider"
    SCHEDULER = "scheduler"
    GUEST = "guest"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """An act that somebody must be allowed to perform."""

    ATTEND_OWN_VISIT = "visit.attend_own"
    BOOK_VISIT = "visit.book"
    CANCEL_VISIT = "visit.cancel"
    MARK_NO_SHOW = "visit.mark_no_show"
    REPLACE_LINK = "visit.replace_link"
    INVITE_GUEST = "visit.invite_guest"
    ATTEND_AS_GUEST = "visit.attend_as_guest"
    SEE_DAY_BOARD = "board.see_day"
    SEE_CONSULT_QUEUE = "queue.see"
    CALL_PATIENT = "queue.call"
    CONDUCT_VISIT = "visit.conduct"
    WRITE_NOTE = "note.write"
    SEE_NEEDS_ATTENTION = "delivery.see"
    SETTLE_DELIVERY = "delivery.settle"
    VERIFY_AUDIT = "audit.verify"
    READ_AUDIT = "audit.read"
    BREAK_GLASS = "record.break_glass"
    REVIEW_BREAK_GLASS = "record.review_break_glass"
    REVIEW_DAYS = "audit.review_days"
    MANAGE_PEOPLE = "people.manage"
    WITHDRAW_CONSENT = "consent.withdraw"
    ANSWER_CORRECTION = "correction.answer"
    MAKE_EXPORT_LINK = "record.make_export_link"
    HOLD_RECORD = "record.hold"


SENTENCE: Final[Mapping[Permission, str]] = MappingProxyType(
    {
        Permission.ATTEND_OWN_VISIT: "Check in to, wait for and join the visit one was invited to.",
        Permission.BOOK_VISIT: "Book an appointment, and with it a visit, for a patient.",
        Permission.CANCEL_VISIT: "Cancel a visit, with a reason.",
        Permission.MARK_NO_SHOW: "Mark that a patient did not come.",
        Permission.REPLACE_LINK: "Replace a patient's visit link by a new one.",
        Permission.INVITE_GUEST: "Invite an interpreter, family or an observer to one visit.",
        Permission.ATTEND_AS_GUEST: "Wait for and join the call one was invited to.",
        Permission.SEE_DAY_BOARD: "See every visit of the clinic's day by status.",
        Permission.SEE_CONSULT_QUEUE: "See the patients who wait for oneself.",
        Permission.CALL_PATIENT: "Call a waiting patient in, or put a called one back.",
        Permission.CONDUCT_VISIT: "Join, admit, finish and close one's own visit.",
        Permission.WRITE_NOTE: "Write and sign the note of one's own visit.",
        Permission.SEE_NEEDS_ATTENTION: "See what could not be delivered to a partner.",
        Permission.SETTLE_DELIVERY: "Have a parked delivery checked again.",
        Permission.BREAK_GLASS: "Open one other patient's record in an emergency, for an hour.",
        Permission.REVIEW_BREAK_GLASS: "See who opened a record in an emergency, and why.",
        Permission.REVIEW_DAYS: "Read the daily reports of the audit trail, and mark them read.",
        Permission.VERIFY_AUDIT: "Check that the audit trail was not altered.",
        Permission.READ_AUDIT: "Search and export who saw or changed what.",
        Permission.MANAGE_PEOPLE: "Add people to the clinic and give them roles.",
        Permission.WITHDRAW_CONSENT: "Record that a patient took a consent back, on their word.",
        Permission.ANSWER_CORRECTION: "Read and answer a patient's request to correct the record.",
        Permission.MAKE_EXPORT_LINK: "Make a link with which a patient fetches their own record.",
        Permission.HOLD_RECORD: "Keep a patient's record from removal, or end that.",
    }
)

HELD_BY: Final[Mapping[Role, frozenset[Permission]]] = MappingProxyType(
    {
        Role.PATIENT: frozenset({Permission.ATTEND_OWN_VISIT}),
        Role.PROVIDER: frozenset(
            {
                Permission.SEE_CONSULT_QUEUE,
                Permission.CALL_PATIENT,
                Permission.CONDUCT_VISIT,
                Permission.WRITE_NOTE,
                Permission.BREAK_GLASS,
                Permission.INVITE_GUEST,
                Permission.SEE_NEEDS_ATTENTION,
                Permission.WITHDRAW_CONSENT,
                Permission.ANSWER_CORRECTION,
            }
        ),
        Role.SCHEDULER: frozenset(
            {
                Permission.BOOK_VISIT,
                Permission.CANCEL_VISIT,
                Permission.MARK_NO_SHOW,
                Permission.REPLACE_LINK,
                Permission.INVITE_GUEST,
                Permission.SEE_DAY_BOARD,
                Permission.SEE_NEEDS_ATTENTION,
                Permission.SETTLE_DELIVERY,
                Permission.WITHDRAW_CONSENT,
                Permission.ANSWER_CORRECTION,
            }
        ),
        # A guest sees nothing but the call, and admits nobody.
        Role.GUEST: frozenset({Permission.ATTEND_AS_GUEST}),
        Role.AUDITOR: frozenset(
            {
                Permission.VERIFY_AUDIT,
                Permission.READ_AUDIT,
                Permission.REVIEW_BREAK_GLASS,
                Permission.REVIEW_DAYS,
            }
        ),
        # An administrator runs the product and sees no clinical text.
        Role.ADMINISTRATOR: frozenset(
            {
                Permission.MANAGE_PEOPLE,
                Permission.SEE_NEEDS_ATTENTION,
                Permission.SETTLE_DELIVERY,
                Permission.VERIFY_AUDIT,
                Permission.MAKE_EXPORT_LINK,
                Permission.HOLD_RECORD,
            }
        ),
    }
)


def is_permitted(role: Role, permission: Permission) -> bool:
    """Say whether `role` may perform `permission`; an unlisted role may do nothing."""
    return permission in HELD_BY.get(role, frozenset())
