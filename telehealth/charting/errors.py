"""Refusals about notes."""

from collections.abc import Mapping
from typing import Any

from telehealth.platform.errors import TelehealthError


class NoteMoved(TelehealthError):
    """Somebody saved after the version this one was based on; the current one is told."""

    code = "note.newer_version"
    public_message = "This note was changed in another window. Reload it before you save."

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)
        self.told: Mapping[str, Any] = {"version": version}


class NoteAlreadySigned(TelehealthError):
    """A signed note takes no further version."""

    code = "note.already_signed"
    public_message = "This note is signed and can no longer be changed."


class NoteEmpty(TelehealthError):
    """A note without text cannot be signed."""

    code = "note.empty"
    public_message = "Please write the note before you sign it."
