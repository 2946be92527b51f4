"""The rows: every route of the visit service, in the order of care.  Pure.

What a row means: `routes.py`.  What each permission allows, and who holds it: `roles.py`.
"""

from dataclasses import replace
from typing import Final

from telehealth.access.roles import Permission
from telehealth.access.routes import SAFE_METHODS, RouteRow, Scope, Who
from telehealth.platform.paces import Pace

_P = Permission


def _public(
    method: str, path: str, does: str, because: str, *, pace: Pace, status: int = 200
) -> RouteRow:
    return RouteRow(
        method=method,
        path=path,
        who=Who.PUBLIC,
        does=does,
        because=because,
        pace=pace,
        status=status,
    )


def _page(path: str, does: str, because: str) -> RouteRow:
    return _public("GET", path, does, because, pace=Pace.READ)


def _signed_in(method: str, path: str, does: str, *, pace: Pace | None = None) -> RouteRow:
    return RouteRow(
        method=method, path=path, who=Who.SIGNED_IN, does=does, pace=pace or _pace(method)
    )


def _for(
    permissions: _P | tuple[_P, ...],
    method: str,
    path: str,
    scope: Scope,
    does: str,
    *,
    query: tuple[str, ...] = (),
    status: int = 200,
    pace: Pace | None = None,
) -> RouteRow:
    return RouteRow(
        method=method,
        path=path,
        who=Who.PERMITTED,
        scope=scope,
        permissions=frozenset(permissions if isinstance(permissions, tuple) else (permissions,)),
        does=does,
        query=query,
        status=status,
        pace=pace or _pace(method),
    )


def _service(method: str, path: str, does: str, *, status: int = 204) -> RouteRow:
    return RouteRow(
        method=method, path=path, who=Who.SERVICE, does=does, pace=Pace.UNCOUNTED, status=status
    )


def _pace(method: str) -> Pace:
    return Pace.READ if method in SAFE_METHODS else Pace.UNSAFE


_OWN, _CLINIC = Scope.OWN, Scope.CLINIC
_ATTENDS: Final = (_P.ATTEND_OWN_VISIT, _P.CONDUCT_VISIT)
_VISIT: Final = "/v1/visits/{visit_id}"
_SHELL: Final = "The page holds nothing; what it shows it asks by REST, as whoever is signed in."
_COOKIE: Final = "The secret in the cookie is what proves; there may be no pass any more."

PUBLIC_ROUTES: Final[tuple[RouteRow, ...]] = (
    # the door
    _public(
        "POST",
        "/v1/sign-in",
        "Starts a login session of a member of staff.",
        "It is the door: e-mail address and password are what proves.",
        pace=Pace.SIGN_IN,
    ),
    _public(
        "POST",
        "/v1/visit-links/{secret}/open",
        "Starts a patient's login session for one visit.",
        "It is the door: the link and the birth date are what proves.",
        pace=Pace.LINK,
    ),
    _public("POST", "/v1/session/refresh", "Renews a login session.", _COOKIE, pace=Pace.UNSAFE),
    _public("POST", "/v1/sign-out", "Ends a login session.", _COOKIE, pace=Pace.UNSAFE, status=204),
    _signed_in("GET", "/v1/me", "Reads one's own name, role and clinic."),
    # booking
    _for(
        _P.BOOK_VISIT,
        "POST",
        "/v1/visits",
        _CLINIC,
        "Books a visit of a patient with a provider; answers the visit link.",
        status=201,
    ),
    _for(
        _P.REPLACE_LINK, "POST", f"{_VISIT}/links", _CLINIC, "Replaces the visit link by a new one."
    ),
    _for(_P.CANCEL_VISIT, "POST", f"{_VISIT}/cancel", _CLINIC, "Cancels a visit, with a reason."),
    _for(
        _P.MARK_NO_SHOW,
        "POST",
        f"{_VISIT}/no-show",
        _CLINIC,
        "Marks that the patient did not come.",
    ),
    _for(
        _P.MARK_NO_SHOW, "POST", f"{_VISIT}/undo-no-show", _CLINIC, "Takes that back for a while."
    ),
    _for(
        _P.SEE_DAY_BOARD,
        "GET",
        "/v1/day-board",
        _CLINIC,
        "Reads every visit of one day.",
        query=("date",),
    ),
    # the patient's way in
    _for(
        _P.ATTEND_OWN_VISIT,
        "GET",
        "/v1/visit",
        _OWN,
        "Reads the visit one came for; inside its window this begins check-in.",
        query=("language",),
    ),
    _for(
        _P.ATTEND_OWN_VISIT,
        "POST",
        f"{_VISIT}/check-in",
        _OWN,
        "Stores place, call-back number and consent.",
    ),
    _for(
        _P.ATTEND_OWN_VISIT,
        "POST",
        f"{_VISIT}/device-check",
        _OWN,
        "Stores how the device check went.",
    ),
    _for(
        _P.ATTEND_OWN_VISIT,
        "POST",
        f"{_VISIT}/consents",
        _OWN,
        "Stores which texts were agreed to.",
    ),
    _for(
        (_P.ATTEND_OWN_VISIT, _P.WITHDRAW_CONSENT),
        "POST",
        f"{_VISIT}/consents/withdraw",
        Scope.OWN_OR_BOARD,
        "Takes the consents of a visit back.",
    ),
    _for(_P.ATTEND_OWN_VISIT, "POST", f"{_VISIT}/leave", _OWN, "Leaves the waiting room."),
    # one's own record
    _for(
        _P.ATTEND_OWN_VISIT,
        "GET",
        "/v1/privacy",
        _OWN,
        "Reads one's consents, corrections and who has looked.",
    ),
    _for(
        _P.ATTEND_OWN_VISIT,
        "POST",
        "/v1/privacy/exports",
        _OWN,
        "Makes a link to a copy of one's own record.",
        status=201,
    ),
    _for(
        _P.ATTEND_OWN_VISIT,
        "POST",
        "/v1/privacy/corrections",
        _OWN,
        "Asks for a correction of one's own record.",
        status=201,
    ),
    _for(
        _P.MAKE_EXPORT_LINK,
        "POST",
        "/v1/people/{person_id}/record-exports",
        _CLINIC,
        "Makes a link to a patient's own copy; opens with the birth date only.",
        status=201,
    ),
    _for(
        _P.ANSWER_CORRECTION,
        "GET",
        "/v1/corrections",
        _OWN,
        "Reads which requests for correction wait.",
    ),
    _for(
        _P.ANSWER_CORRECTION,
        "POST",
        "/v1/corrections/{request_id}/answer",
        _OWN,
        "Answers a request for correction.",
    ),
    # the consult queue and the call
    _for(_P.SEE_CONSULT_QUEUE, "GET", "/v1/consult-queue", _OWN, "Reads who waits for oneself."),
    _for(_P.CALL_PATIENT, "POST", f"{_VISIT}/call", _OWN, "Calls the patient in."),
    _for(_P.CALL_PATIENT, "POST", f"{_VISIT}/put-back", _OWN, "Puts a called patient back."),
    _for(_ATTENDS, "POST", f"{_VISIT}/join-tickets", _OWN, "Issues a ticket to join the call."),
    _for(_ATTENDS, "GET", f"{_VISIT}/roster", _OWN, "Reads who attends a visit."),
    _for(_P.CONDUCT_VISIT, "GET", _VISIT, _OWN, "Reads everything about a visit of one's own."),
    _for(_P.CONDUCT_VISIT, "POST", f"{_VISIT}/finish", _OWN, "Ends the call; wrap-up begins."),
    _for(_P.CONDUCT_VISIT, "POST", f"{_VISIT}/rejoin", _OWN, "Opens the call again from wrap-up."),
    _for(
        _P.CONDUCT_VISIT, "POST", f"{_VISIT}/close", _OWN, "Closes a visit; the chart is owed it."
    ),
    # the note
    _for(_P.WRITE_NOTE, "GET", f"{_VISIT}/note", _OWN, "Reads the note of a visit."),
    _for(_P.WRITE_NOTE, "PUT", f"{_VISIT}/note", _OWN, "Saves a version of the note."),
    _for(_P.WRITE_NOTE, "POST", f"{_VISIT}/note/sign", _OWN, "Signs the note."),
    # somebody else's patient, in an emergency
    _for(
        _P.BREAK_GLASS,
        "POST",
        "/v1/break-glass",
        _CLINIC,
        "Opens one patient's record for an hour, with a reason; the auditors are told.",
        status=201,
    ),
    _for(
        _P.REVIEW_BREAK_GLASS,
        "GET",
        "/v1/break-glass",
        _CLINIC,
        "Reads who opened whose record, and why.",
    ),
    _for(
        _P.BREAK_GLASS,
        "GET",
        "/v1/break-glass/current",
        _OWN,
        "Reads which record is open to oneself.",
    ),
    _for(
        _P.BREAK_GLASS,
        "GET",
        "/v1/break-glass/{access_id}/record",
        _OWN,
        "Reads the record one has opened.",
    ),
    _for(
        _P.BREAK_GLASS,
        "POST",
        "/v1/break-glass/{access_id}/end",
        _OWN,
        "Closes the record one has opened.",
    ),
    # what is owed to partners
    _for(
        _P.SEE_NEEDS_ATTENTION,
        "GET",
        "/v1/needs-attention",
        _CLINIC,
        "Reads what could not be delivered; no clinical text.",
    ),
    _for(
        _P.SETTLE_DELIVERY,
        "POST",
        "/v1/needs-attention/{entry_id}/check-again",
        _CLINIC,
        "Has a parked delivery looked up and sent again.",
    ),
    # the audit trail
    _for(
        _P.VERIFY_AUDIT,
        "POST",
        "/v1/audit/verify",
        _CLINIC,
        "Checks the whole trail against its hashes and its heads.",
        pace=Pace.HEAVY,
    ),
    _for(
        _P.VERIFY_AUDIT,
        "GET",
        "/v1/audit/heads",
        _CLINIC,
        "Reads where the trail's heads were taken, and since when not.",
    ),
    _for(
        _P.READ_AUDIT,
        "GET",
        "/v1/audit/entries",
        _CLINIC,
        "Reads fifty entries of the trail.",
        query=("patient_id", "person_id", "visit_id", "day", "kind", "before"),
    ),
    replace(
        _for(
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
    _for(
        _P.READ_AUDIT,
        "POST",
        "/v1/audit/people-search",
        _CLINIC,
        "Finds whom to search the trail for.",
    ),
    _for(
        _P.READ_AUDIT,
        "GET",
        "/v1/audit/patients/{patient_id}/accounting",
        _CLINIC,
        "Accounts for what left about a patient, and who looked.",
    ),
    # pages and files
    _public(
        "GET",
        "/static/{digest}/{path:path}",
        "Reads scripts, styles and pictures of our pages.",
        "They are the same for everybody and published.",
        pace=Pace.UNCOUNTED,
    ),
    _page("/", "Shows what to do with a visit link.", "It is about nobody."),
    _page(
        "/v/{secret}",
        "Shows clinic and time behind a visit link; uses nothing up.",
        "Whoever holds the link may know them; the birth date is asked next.",
    ),
    _page("/visit", "Shows the patient's pages.", _SHELL),
    _page("/privacy", "Shows the patient's page about their data.", _SHELL),
    _page("/cleared", "Shows that the browser forgot what it kept of us.", "It is about nobody."),
    _page(
        "/records/{token}",
        "Asks for the birth date behind a link to one's own copy; uses nothing up.",
        "It tells nothing but whether the link's day is over.",
    ),
    _public(
        "POST",
        "/records/{token}",
        "Hands a patient their own record, once.",
        "The link and the birth date are what proves.",
        pace=Pace.LINK,
    ),
    _page("/sw.js", "Reads the script that answers when the network is away.", "It is published."),
    _page("/sign-in", "Shows the sign-in page.", "It is the door."),
    _page("/console", "Shows the provider's console.", _SHELL),
    _page("/board", "Shows the scheduler's board.", _SHELL),
    _page("/auditor", "Shows the auditor's page.", _SHELL),
)
"""The public port: browsers."""

_PROBE: Final = "Asked by the platform inside the machine; it tells one word."

INTERNAL_ROUTES: Final[tuple[RouteRow, ...]] = (
    _public("GET", "/healthz", "Says that the process lives.", _PROBE, pace=Pace.UNCOUNTED),
    _public("GET", "/readyz", "Says whether the database answers.", _PROBE, pace=Pace.UNCOUNTED),
    _service(
        "POST", "/internal/v1/admissions", "Records who may hear whom, before it takes effect."
    ),
    _service("POST", "/internal/v1/removals", "Records who may no longer."),
    _service("POST", "/internal/v1/presence-events", "Records who came, connected and left."),
    _service("GET", "/internal/v1/keys", "Reads the public keys of tickets.", status=200),
)
"""The internal port: signaling and probes."""
