"""The rows: every route of the visit service, in the order of care.  Pure.

What a row means: `routes.py`.  What each permission allows, and who holds it: `roles.py`.
"""

from dataclasses import replace
from typing import Final

from telehealth.access.door_rows import DOOR_ROWS
from telehealth.access.page_rows import PAGE_ROWS
from telehealth.access.roles import Permission
from telehealth.access.routes import RouteRow, Scope
from telehealth.access.rows import permitted, public, service
from telehealth.platform.paces import Pace

_P = Permission
_OWN, _CLINIC = Scope.OWN, Scope.CLINIC
_ATTENDS: Final = (_P.ATTEND_OWN_VISIT, _P.ATTEND_AS_GUEST, _P.CONDUCT_VISIT)
_VISIT: Final = "/v1/visits/{visit_id}"

PUBLIC_ROUTES: Final[tuple[RouteRow, ...]] = (
    *DOOR_ROWS,
    # booking
    permitted(
        _P.BOOK_VISIT,
        "POST",
        "/v1/visits",
        _CLINIC,
        "Books a visit of a patient with a provider; answers the visit link.",
        status=201,
    ),
    permitted(
        _P.REPLACE_LINK, "POST", f"{_VISIT}/links", _CLINIC, "Replaces the visit link by a new one."
    ),
    permitted(
        _P.CANCEL_VISIT, "POST", f"{_VISIT}/cancel", _CLINIC, "Cancels a visit, with a reason."
    ),
    permitted(
        _P.MARK_NO_SHOW,
        "POST",
        f"{_VISIT}/no-show",
        _CLINIC,
        "Marks that the patient did not come.",
    ),
    permitted(
        _P.MARK_NO_SHOW, "POST", f"{_VISIT}/undo-no-show", _CLINIC, "Takes that back for a while."
    ),
    permitted(
        _P.SEE_DAY_BOARD,
        "GET",
        "/v1/day-board",
        _CLINIC,
        "Reads every visit of one day.",
        query=("date",),
    ),
    # the patient's way in
    permitted(
        _P.ATTEND_OWN_VISIT,
        "GET",
        "/v1/visit",
        _OWN,
        "Reads the visit one came for; inside its window this begins check-in.",
        query=("language",),
    ),
    permitted(
        _P.ATTEND_OWN_VISIT,
        "POST",
        f"{_VISIT}/check-in",
        _OWN,
        "Stores place, call-back number and consent.",
    ),
    permitted(
        _P.ATTEND_OWN_VISIT,
        "POST",
        f"{_VISIT}/device-check",
        _OWN,
        "Stores how the device check went.",
    ),
    permitted(
        _P.ATTEND_OWN_VISIT,
        "POST",
        f"{_VISIT}/consents",
        _OWN,
        "Stores which texts were agreed to.",
    ),
    permitted(
        (_P.ATTEND_OWN_VISIT, _P.WITHDRAW_CONSENT),
        "POST",
        f"{_VISIT}/consents/withdraw",
        Scope.OWN_OR_BOARD,
        "Takes the consents of a visit back.",
    ),
    permitted(_P.ATTEND_OWN_VISIT, "POST", f"{_VISIT}/leave", _OWN, "Leaves the waiting room."),
    # one's own record
    permitted(
        _P.ATTEND_OWN_VISIT,
        "GET",
        "/v1/privacy",
        _OWN,
        "Reads one's consents, corrections and who has looked.",
    ),
    permitted(
        _P.ATTEND_OWN_VISIT,
        "POST",
        "/v1/privacy/exports",
        _OWN,
        "Makes a link to a copy of one's own record.",
        status=201,
    ),
    permitted(
        _P.ATTEND_OWN_VISIT,
        "POST",
        "/v1/privacy/corrections",
        _OWN,
        "Asks for a correction of one's own record.",
        status=201,
    ),
    permitted(
        _P.MAKE_EXPORT_LINK,
        "POST",
        "/v1/people/{person_id}/record-exports",
        _CLINIC,
        "Makes a link to a patient's own copy; opens with the birth date only.",
        status=201,
    ),
    permitted(
        _P.ANSWER_CORRECTION,
        "GET",
        "/v1/corrections",
        _OWN,
        "Reads which requests for correction wait.",
    ),
    permitted(
        _P.ANSWER_CORRECTION,
        "POST",
        "/v1/corrections/{request_id}/answer",
        _OWN,
        "Answers a request for correction.",
    ),
    # a guest's way in
    permitted(
        _P.ATTEND_AS_GUEST, "GET", "/v1/guest-visit", _OWN, "Reads the call one was invited to."
    ),
    # the consult queue and the call
    permitted(
        _P.SEE_CONSULT_QUEUE, "GET", "/v1/consult-queue", _OWN, "Reads who waits for oneself."
    ),
    permitted(_P.CALL_PATIENT, "POST", f"{_VISIT}/call", _OWN, "Calls the patient in."),
    permitted(_P.CALL_PATIENT, "POST", f"{_VISIT}/put-back", _OWN, "Puts a called patient back."),
    permitted(
        _ATTENDS, "POST", f"{_VISIT}/join-tickets", _OWN, "Issues a ticket to join the call."
    ),
    permitted(_ATTENDS, "GET", f"{_VISIT}/roster", _OWN, "Reads who attends a visit."),
    permitted(
        _P.CONDUCT_VISIT, "GET", _VISIT, _OWN, "Reads everything about a visit of one's own."
    ),
    permitted(_P.CONDUCT_VISIT, "POST", f"{_VISIT}/finish", _OWN, "Ends the call; wrap-up begins."),
    permitted(
        _P.CONDUCT_VISIT, "POST", f"{_VISIT}/rejoin", _OWN, "Opens the call again from wrap-up."
    ),
    permitted(
        _P.CONDUCT_VISIT, "POST", f"{_VISIT}/close", _OWN, "Closes a visit; the chart is owed it."
    ),
    permitted(
        _P.INVITE_GUEST,
        "POST",
        f"{_VISIT}/guests",
        Scope.OWN_OR_BOARD,
        "Invites a guest to a visit; answers their link.",
        status=201,
    ),
    permitted(
        _P.INVITE_GUEST, "GET", f"{_VISIT}/guests", Scope.OWN_OR_BOARD, "Reads who was invited."
    ),
    permitted(
        _P.INVITE_GUEST,
        "POST",
        f"{_VISIT}/guests/{{participant_id}}/revoke",
        Scope.OWN_OR_BOARD,
        "Takes an invitation back; the guest leaves the call.",
        status=204,
    ),
    # the note
    permitted(_P.WRITE_NOTE, "GET", f"{_VISIT}/note", _OWN, "Reads the note of a visit."),
    permitted(_P.WRITE_NOTE, "PUT", f"{_VISIT}/note", _OWN, "Saves a version of the note."),
    permitted(_P.WRITE_NOTE, "POST", f"{_VISIT}/note/sign", _OWN, "Signs the note."),
    # somebody else's patient, in an emergency
    permitted(
        _P.BREAK_GLASS,
        "POST",
        "/v1/break-glass",
        _CLINIC,
        "Opens one patient's record for an hour, with a reason; the auditors are told.",
        status=201,
    ),
    permitted(
        _P.REVIEW_BREAK_GLASS,
        "GET",
        "/v1/break-glass",
        _CLINIC,
        "Reads who opened whose record, and why.",
    ),
    permitted(
        _P.BREAK_GLASS,
        "GET",
        "/v1/break-glass/current",
        _OWN,
        "Reads which record is open to oneself.",
    ),
    permitted(
        _P.BREAK_GLASS,
        "GET",
        "/v1/break-glass/{access_id}/record",
        _OWN,
        "Reads the record one has opened.",
    ),
    permitted(
        _P.BREAK_GLASS,
        "POST",
        "/v1/break-glass/{access_id}/end",
        _OWN,
        "Closes the record one has opened.",
    ),
    # what is owed to partners
    permitted(
        _P.SEE_NEEDS_ATTENTION,
        "GET",
        "/v1/needs-attention",
        _CLINIC,
        "Reads what could not be delivered; no clinical text.",
    ),
    permitted(
        _P.SETTLE_DELIVERY,
        "POST",
        "/v1/needs-attention/{entry_id}/check-again",
        _CLINIC,
        "Has a parked delivery looked up and sent again.",
    ),
    # the audit trail
    permitted(
        _P.VERIFY_AUDIT,
        "POST",
        "/v1/audit/verify",
        _CLINIC,
        "Checks the whole trail against its hashes and its heads.",
        pace=Pace.HEAVY,
    ),
    permitted(
        _P.VERIFY_AUDIT,
        "GET",
        "/v1/audit/heads",
        _CLINIC,
        "Reads where the trail's heads were taken, and since when not.",
    ),
    permitted(
        _P.READ_AUDIT,
        "GET",
        "/v1/audit/entries",
        _CLINIC,
        "Reads fifty entries of the trail.",
        query=("patient_id", "person_id", "visit_id", "day", "kind", "before"),
    ),
    replace(
        permitted(
            _P.READ_AUDIT,
            "GET",
            "/v1/audit/export",
            _CLINIC,
            "Takes entries out as FHIR AuditEvents.",
            query=("patient_id", "person_id", "visit_id", "day", "kind"),
            pace=Pace.HEAVY,
        ),
        media="application/fhir+ndjson",
    ),
    permitted(
        _P.READ_AUDIT,
        "POST",
        "/v1/audit/people-search",
        _CLINIC,
        "Finds whom to search the trail for.",
    ),
    permitted(
        _P.READ_AUDIT,
        "GET",
        "/v1/audit/patients/{patient_id}/accounting",
        _CLINIC,
        "Accounts for what left about a patient, and who looked.",
    ),
    permitted(
        _P.REVIEW_DAYS,
        "GET",
        "/v1/audit/day-reports",
        _CLINIC,
        "Reads the daily reports of the trail, those nobody has read first.",
    ),
    permitted(
        _P.REVIEW_DAYS,
        "POST",
        "/v1/audit/day-reports/{report_id}/review",
        _CLINIC,
        "Marks a day's report as looked at.",
    ),
    *PAGE_ROWS,
)
"""The public port: browsers."""

_PROBE: Final = "Asked by the platform inside the machine; it tells one word."

INTERNAL_ROUTES: Final[tuple[RouteRow, ...]] = (
    public("GET", "/healthz", "Says that the process lives.", _PROBE, pace=Pace.UNCOUNTED),
    public("GET", "/readyz", "Says whether the database answers.", _PROBE, pace=Pace.UNCOUNTED),
    service(
        "POST", "/internal/v1/admissions", "Records who may hear whom, before it takes effect."
    ),
    service("POST", "/internal/v1/removals", "Records who may no longer."),
    service("POST", "/internal/v1/presence-events", "Records who came, connected and left."),
    service("GET", "/internal/v1/keys", "Reads the public keys of tickets.", status=200),
)
"""The internal port: signaling and probes."""
