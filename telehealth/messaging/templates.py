"""The words of notices: template and language to text.  Pure.

Allowed are clinic, time, link, code and phone.  A clinical word, a provider's name or the person's
own never stands in a notice: phones lie on tables, and mail is read by others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo


class Template(StrEnum):
    """What a notice says.  Stored: renaming one is a migration."""

    BOOKED = "booked"
    NEW_LINK = "new_link"
    CODE = "code"
    INVITATION = "invitation"
    BREAK_GLASS = "break_glass"
    """To an Auditor; neither who, nor whose record, nor why."""
    DAY_REPORT = "day_report"
    """To an Auditor; nothing of what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that may stand in a notice."""

    clinic: str
    """Its neutral short form."""
    phone: str
    starts_at: datetime | None = None
    time_zone: str = "UTC"
    link: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeText:
    """What is sent."""

    subject: str
    """For an e-mail; a text has none."""
    text: str = field(repr=False)


_DATE: Final[Mapping[str, str]] = MappingProxyType({"en": "{month}/{day}", "es": "{day}/{month}"})
_HALF: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"en": ("AM", "PM"), "es": ("a. m.", "p. m.")}
)

# One SMS part is 160 characters of plain Latin; accents would make it 70: Spanish does without.
SENTENCE: Final[Mapping[tuple[Template, str], str]] = MappingProxyType(
    {
        (Template.BOOKED, "en"): (
            "{clinic}: your video visit is {time}. {link} Help {phone}. Reply STOP to opt out."
        ),
        (Template.BOOKED, "es"): (
            "{clinic}: su visita por video es el {time}. {link} Ayuda {phone}."
            " Responda STOP para no recibir textos."
        ),
        (Template.NEW_LINK, "en"): (
            "{clinic}: your new link for {time}: {link} The old one no longer works. Help {phone}."
        ),
        (Template.NEW_LINK, "es"): (
            "{clinic}: su nuevo enlace para el {time}: {link} El anterior ya no sirve."
            " Ayuda {phone}."
        ),
        (Template.CODE, "en"): (
            "{clinic}: your code is {code}. It is good for 10 minutes. We never ask for it by"
            " phone."
        ),
        (Template.CODE, "es"): (
            "{clinic}: su codigo es {code}. Sirve por 10 minutos. Nunca se lo pedimos por telefono."
        ),
        (Template.INVITATION, "en"): (
            "{clinic}: you are invited to a video call {time}: {link} Help {phone}."
        ),
        (Template.INVITATION, "es"): (
            "{clinic}: le invitamos a una videollamada el {time}: {link} Ayuda {phone}."
        ),
        (Template.BREAK_GLASS, "en"): (
            "{clinic}: there was an emergency access. Please look at the audit trail: {link}"
        ),
        (Template.BREAK_GLASS, "es"): (
            "{clinic}: hubo un acceso de emergencia. Revise el registro de accesos: {link}"
        ),
        (Template.DAY_REPORT, "en"): (
            "{clinic}: the daily report of the audit trail is ready to read: {link}"
        ),
        (Template.DAY_REPORT, "es"): (
            "{clinic}: el informe diario del registro de accesos ya se puede leer: {link}"
        ),
    }
)
SUBJECT: Final[Mapping[tuple[Template, str], str]] = MappingProxyType(
    {
        (Template.BOOKED, "en"): "{clinic}: your appointment",
        (Template.BOOKED, "es"): "{clinic}: su cita",
        (Template.NEW_LINK, "en"): "{clinic}: your new link",
        (Template.NEW_LINK, "es"): "{clinic}: su nuevo enlace",
        (Template.CODE, "en"): "{clinic}: your code",
        (Template.CODE, "es"): "{clinic}: su código",
        (Template.INVITATION, "en"): "{clinic}: invitation to a video call",
        (Template.INVITATION, "es"): "{clinic}: invitación a una videollamada",
        (Template.BREAK_GLASS, "en"): "{clinic}: emergency access",
        (Template.BREAK_GLASS, "es"): "{clinic}: acceso de emergencia",
        (Template.DAY_REPORT, "en"): "{clinic}: daily report",
        (Template.DAY_REPORT, "es"): "{clinic}: informe diario",
    }
)
LANGUAGES: Final = ("en", "es")


def written(template: Template, language: str, facts: Facts) -> NoticeText:
    """Write a notice; an unknown language reads English.

    Args:
        template: Which notice.
        language: Of the person.
        facts: What may be said; a link or code the template asks for must be there.
    """
    spoken = language if language in LANGUAGES else "en"
    fields = {
        "clinic": facts.clinic,
        "phone": facts.phone,
        "link": facts.link or "",
        "code": facts.code or "",
        "time": _when(facts, spoken),
    }
    return NoticeText(
        subject=SUBJECT[template, spoken].format(**fields),
        text=SENTENCE[template, spoken].format(**fields),
    )


def _when(facts: Facts, language: str) -> str:
    if facts.starts_at is None:
        return ""
    local = facts.starts_at.astimezone(ZoneInfo(facts.time_zone))
    date = _DATE[language].format(month=local.month, day=local.day)
    half = _HALF[language][local.hour >= 12]  # noqa: PLR2004  (noon)
    return f"{date} {local.hour % 12 or 12}:{local.minute:02} {half} {local.tzname()}"
