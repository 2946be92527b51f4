"""Rows of pages and files.  Pure."""

from typing import Final

from telehealth.access.routes import RouteRow
from telehealth.access.rows import page_row, public
from telehealth.platform.paces import Pace

_SHELL: Final = "The page holds nothing; what it shows it asks by REST, as whoever is signed in."

PAGE_ROWS: Final[tuple[RouteRow, ...]] = (
    public(
        "GET",
        "/static/{digest}/{path:path}",
        "Reads scripts, styles and pictures of our pages.",
        "They are the same for everybody and published.",
        pace=Pace.UNCOUNTED,
    ),
    page_row("/", "Shows what to do with a visit link.", "It is about nobody."),
    page_row(
        "/v/{secret}",
        "Shows clinic and time behind a visit link; uses nothing up.",
        "Whoever holds the link may know them; the birth date is asked next.",
    ),
    page_row("/lost-link", "Shows how to get a new link or a code.", "It is about nobody."),
    page_row("/visit", "Shows the patient's pages.", _SHELL),
    page_row("/call", "Shows a guest's page.", _SHELL),
    page_row("/privacy", "Shows the patient's page about their data.", _SHELL),
    page_row(
        "/cleared", "Shows that the browser forgot what it kept of us.", "It is about nobody."
    ),
    page_row(
        "/records/{token}",
        "Asks for the birth date behind a link to one's own copy; uses nothing up.",
        "It tells nothing but whether the link's day is over.",
    ),
    public(
        "POST",
        "/records/{token}",
        "Hands a patient their own record, once.",
        "The link and the birth date are what proves.",
        pace=Pace.LINK,
    ),
    page_row(
        "/sw.js", "Reads the script that answers when the network is away.", "It is published."
    ),
    page_row("/sign-in", "Shows the sign-in page.", "It is the door."),
    page_row("/your-sign-in", "Shows the page of one's own sign-in.", _SHELL),
    page_row(
        "/p/{secret}",
        "Asks for a password behind a link; uses nothing up.",
        "It tells nothing but whether the link is over.",
    ),
    page_row("/people", "Shows the administrator's page.", _SHELL),
    page_row("/emergency", "Shows the provider's page of emergency access.", _SHELL),
    page_row("/console", "Shows the provider's console.", _SHELL),
    page_row("/board", "Shows the scheduler's board.", _SHELL),
    page_row("/auditor", "Shows the auditor's page.", _SHELL),
)
"""Part of the public port's table."""
