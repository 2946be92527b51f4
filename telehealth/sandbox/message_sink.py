"""A simulated message service: texts by Twilio's shape, e-mails by a relay's, all on one page.

Texts: `POST` and `GET /2010-04-01/Accounts/{sid}/Messages.json`, as Twilio documents them; no text
ever leaves.  E-mails: `PUT` and `GET /mail/messages/{id}`, where a repeat of an id does nothing.
The page shows every message; `/ledger` lists all that was asked, refused or repeated.
"""

import asyncio
import base64
import hmac
import html
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from telehealth.sandbox.ehr import Unanswered
from telehealth.sandbox.ehr_page import LABEL, STYLE
from telehealth.sandbox.faults import Fault, Faults

SLOW_S: Final = 2.0
_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST: Final = 1600
_PAGE: Final = 50
_MOST: Final = 5000
_LINK: Final = re.compile(r"https?://[^\s<>\"]+")


class Sink:
    """What was taken, newest last; bounded, since nobody empties it."""

    def __init__(self, *, account: str, token: str, faults: Faults) -> None:
        self._basic = "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode()
        self._bearer = f"Bearer {token}"
        self._account = account
        self._faults = faults
        self.texts: list[dict[str, Any]] = []
        self.mails: dict[str, dict[str, Any]] = {}
        self.ledger: list[dict[str, Any]] = []

    async def create_text(self, request: Request) -> Response:
        """Take a text."""
        form = {
            name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()
        }
        if (refused := await self._before(request, self._basic)) is not None:
            return refused
        problem = _text_problem(form)
        if problem is not None:
            self._note(request, HTTPStatus.BAD_REQUEST, "none")
            return JSONResponse({"code": problem, "status": 400}, HTTPStatus.BAD_REQUEST)
        text = {
            "sid": f"SM{secrets.token_hex(16)}",
            "account_sid": self._account,
            "to": form["To"],
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": form["Body"],
            "status": "queued",
            "num_segments": str(1 + (len(form["Body"]) - 1) // 160),
            "date_created": format_datetime(_now()),
            "error_code": None,
        }
        self.texts = [*self.texts, text][-_MOST:]
        return self._after(request, JSONResponse(text, HTTPStatus.CREATED), "taken")

    async def list_texts(self, request: Request) -> Response:
        """List the texts to a number, newest first."""
        if (refused := await self._before(request, self._basic)) is not None:
            return refused
        wanted = request.query_params.get("To")
        found = [each for each in reversed(self.texts) if wanted in {None, each["to"]}]
        size = min(int(request.query_params.get("PageSize", _PAGE)), 1000)
        more = f"{request.url.path}?Page=1" if len(found) > size else None
        body = {"messages": found[:size], "page": 0, "page_size": size, "next_page_uri": more}
        return self._after(request, JSONResponse(body), "listed")

    async def put_mail(self, request: Request) -> Response:
        """Take an e-mail, once by its id."""
        content = await request.json()
        if (refused := await self._before(request, self._bearer)) is not None:
            return refused
        name = request.path_params["message_id"]
        effect = "repeated" if name in self.mails else "taken"
        self.mails.setdefault(name, {**content, "id": name, "at": _now().isoformat()})
        return self._after(request, JSONResponse({"id": name}), effect)

    async def show_mail(self, request: Request) -> Response:
        """Say whether there is an e-mail of this id."""
        if (refused := await self._before(request, self._bearer)) is not None:
            return refused
        name = request.path_params["message_id"]
        is_there = name in self.mails
        status = HTTPStatus.OK if is_there else HTTPStatus.NOT_FOUND
        return self._after(request, JSONResponse({"id": name}, status), "looked up")

    async def show_ledger(self, request: Request) -> Response:
        """GET /ledger."""
        del request
        return JSONResponse({"entries": self.ledger})

    async def show_messages(self, request: Request) -> Response:
        """GET /messages: everything taken, for tests and for the curious."""
        del request
        return JSONResponse({"texts": self.texts, "mails": list(self.mails.values())})

    async def page(self, request: Request) -> Response:
        """GET /: what people would have on their phones."""
        del request
        rows = [
            (each["date_created"], "Text", each["to"], each["body"])
            for each in reversed(self.texts)
        ]
        rows += [
            (
                each["at"],
                "E-mail",
                str(each.get("to")),
                f"{each.get('subject')}\n{each.get('text')}",
            )
            for each in reversed(self.mails.values())
        ]
        return HTMLResponse(_page(rows))

    async def _before(self, request: Request, expected: str) -> Response | None:
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), expected.encode()):
            self._note(request, HTTPStatus.UNAUTHORIZED, "none")
            return JSONResponse({"code": 20003, "status": 401}, HTTPStatus.UNAUTHORIZED)
        request.state.fault = fault = self._faults.next(is_write=request.method != "GET")
        if fault is Fault.OUTAGE:
            self._note(request, HTTPStatus.SERVICE_UNAVAILABLE, "none")
            return JSONResponse({"status": 503}, HTTPStatus.SERVICE_UNAVAILABLE)
        if fault is Fault.SLOW:
            await asyncio.sleep(SLOW_S)
        return None

    def _after(self, request: Request, response: Response, effect: str) -> Response:
        self._note(request, response.status_code, effect)
        match request.state.fault:
            case Fault.LOST:
                return Unanswered()
            case Fault.WRONG:
                return JSONResponse({"status": 500}, HTTPStatus.INTERNAL_SERVER_ERROR)
            case _:
                return response

    def _note(self, request: Request, status: int, effect: str) -> None:
        fault = getattr(request.state, "fault", None)
        entry = {
            "at": _now().isoformat(),
            "method": request.method,
            "path": request.url.path,
            "status": status,
            "effect": effect,
            "fault": None if fault is None else fault.value,
        }
        self.ledger = [*self.ledger, entry][-_MOST:]


def make_app(*, account: str, token: str, faults: Faults) -> Starlette:
    """Make the simulator."""
    sink = Sink(account=account, token=token, faults=faults)
    texts = f"/2010-04-01/Accounts/{account}/Messages.json"
    return Starlette(
        routes=[
            Route("/", sink.page),
            Route("/ledger", sink.show_ledger),
            Route("/messages", sink.show_messages),
            Route("/style.css", _style),
            Route(texts, sink.create_text, methods=["POST"]),
            Route(texts, sink.list_texts, methods=["GET"]),
            Route("/mail/messages/{message_id}", sink.put_mail, methods=["PUT"]),
            Route("/mail/messages/{message_id}", sink.show_mail, methods=["GET"]),
        ]
    )


def _text_problem(form: Mapping[str, str]) -> int | None:
    """Return Twilio's error code, or None.

    Source:
        Twilio error dictionary: 21211 (To), 21603 (From), 21602 (Body), 21617 (too long).
    """
    if not _NUMBER.fullmatch(form.get("To", "")):
        return 21211
    if not (form.get("From") or form.get("MessagingServiceSid")):
        return 21603
    if not form.get("Body"):
        return 21602
    return 21617 if len(form["Body"]) > _LONGEST else None


async def _style(request: Request) -> Response:
    del request
    return Response(STYLE, media_type="text/css")


def _page(rows: Sequence[tuple[str, str, str, str]]) -> str:
    lines = "".join(
        "<tr>"
        + "".join(f"<td><pre>{html.escape(cell)}</pre></td>" for cell in row[:3])
        + f"<td><pre>{_with_links(row[3])}</pre></td></tr>"
        for row in rows
    )
    table = (
        '<div class="table"><table><thead><tr><th scope="col">At</th><th scope="col">Kind</th>'
        f'<th scope="col">To</th><th scope="col">Message</th></tr></thead><tbody>{lines}</tbody>'
        "</table></div>"
        if lines
        else '<p class="none">None yet.</p>'
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{LABEL}: texts and e-mails</title>"
        '<link rel="stylesheet" href="/style.css"></head><body>'
        f'<p class="label">{LABEL}. Nothing here was sent to anybody, and nobody here is real.</p>'
        "<main><h1>Simulated texts and e-mails</h1>"
        "<p>What people would have received. Everything received, refused or repeated:"
        f' <a href="/ledger">ledger</a>.</p>{table}</main></body></html>'
    )


def _with_links(text: str) -> str:
    """Escape a text and make its links clickable."""
    parts, at = [], 0
    for found in _LINK.finditer(text):
        link = html.escape(found[0])
        parts += [html.escape(text[at : found.start()]), f'<a href="{link}">{link}</a>']
        at = found.end()
    return "".join([*parts, html.escape(text[at:])])


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  (a simulator stands outside the product)
