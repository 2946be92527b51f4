"""The wordings of consents: one file a text, version and language, read once at start.

A file is never edited once a patient may have read it: what was accepted is recorded by its
SHA-256.  Texts are written and translated by qualified people, never by a machine at run time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from telehealth.visits.consent import TextVersion

FOLDER: Final = Path(__file__).parent / "consents"
DEFAULT_LANGUAGE: Final = "en"


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


def read_all(folder: Path = FOLDER) -> Mapping[tuple[TextVersion, str], ConsentText]:
    """Read every wording there is; a file is named `<text id>.<version>.<language>.txt`."""
    found = {}
    for path in sorted(folder.glob("*.txt")):
        text_id, version, language = path.stem.rsplit(".", 2)
        wording = ConsentText(
            text_id=text_id,
            version=int(version),
            language=language,
            text=path.read_text("utf-8"),
        )
        found[TextVersion(text_id, int(version)), language] = wording
    return MappingProxyType(found)


TEXTS: Final = read_all()


def wording(text: TextVersion, language: str) -> ConsentText:
    """Return a text in `language`, or else in English."""
    return TEXTS.get((text, language)) or TEXTS[text, DEFAULT_LANGUAGE]


def wording_of_digest(digest: str) -> ConsentText | None:
    """Return the wording a recorded consent was given to; None if its file is gone."""
    return next((text for text in TEXTS.values() if text.digest == digest), None)
