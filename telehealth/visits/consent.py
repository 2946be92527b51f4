"""Which consent a visit needs, and the texts themselves.  Pure.

A text is never changed: a new wording is a new version, and what a patient accepted is recorded
by version, language and hash.  Texts are written and translated by qualified people, never by a
machine at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

TEXT_ID: Final = "video-visit"
CURRENT_VERSION: Final = 1
DEFAULT_LANGUAGE: Final = "en"

_EN_1: Final = (
    "A video visit is health care by video and sound. It has limits: the provider cannot examine "
    "you by hand, and a connection can fail. If it fails we will call you on the number you gave. "
    "If this is an emergency, call 911 now.\n\n"
    "Only people named on your screen take part. Sound and picture are encrypted on their way and "
    "are not recorded. You may end the visit or take back this consent at any time; your care "
    "will not suffer for it.\n\n"
    "We ask where you are because your provider must be allowed to treat you there, and to send "
    "help in an emergency."
)
_ES_1: Final = (
    "Una visita por video es atención médica con imagen y sonido. Tiene límites: el profesional no "
    "puede examinarle con las manos y la conexión puede fallar. Si falla, le llamaremos al número "
    "que nos dio. Si es una emergencia, llame ahora al 911.\n\n"
    "Solo participan las personas que aparecen en su pantalla. El sonido y la imagen viajan "
    "cifrados y no se graban. Puede terminar la visita o retirar este consentimiento en cualquier "
    "momento; su atención no se verá afectada.\n\n"
    "Le preguntamos dónde está porque el profesional debe tener permiso para atenderle allí y para "
    "enviar ayuda en una emergencia."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentText:
    """One wording in one language."""

    text_id: str
    version: int
    language: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the wording, hex: what was accepted can be proven later."""
        return sha256(self.text.encode()).hexdigest()


TEXTS: Final[Mapping[tuple[int, str], ConsentText]] = MappingProxyType(
    {
        (1, language): ConsentText(text_id=TEXT_ID, version=1, language=language, text=text)
        for language, text in (("en", _EN_1), ("es", _ES_1))
    }
)


def needed(language: str) -> ConsentText:
    """Return the text a visit needs now, in `language` or else in English."""
    found = TEXTS.get((CURRENT_VERSION, language))
    return found or TEXTS[CURRENT_VERSION, DEFAULT_LANGUAGE]


def is_sufficient(*, text_id: str, version: int) -> bool:
    """Say whether a consent to this text and version is enough for a visit today."""
    return text_id == TEXT_ID and version == CURRENT_VERSION
