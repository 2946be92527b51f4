"""Refusals of the waiting room."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from telehealth.platform.errors import TelehealthError


class AlreadyCalled(TelehealthError):
    """Somebody else called this patient first; who and when is told."""

    code = "waiting_room.already_called"
    public_message = "This patient has already been called."

    def __init__(self, *, called_by: str, called_at: datetime) -> None:
        super().__init__()
        self.told: Mapping[str, Any] = {
            "called_by": called_by,
            "called_at": called_at.isoformat().replace("+00:00", "Z"),
        }


class CheckInMissing(TelehealthError):
    """The device check comes after check-in."""

    code = "waiting_room.check_in_missing"
    public_message = "Please say first where you are and how we can call you."


class CallBackNumberRefused(TelehealthError):
    """Not a telephone number we can call."""

    code = "waiting_room.call_back_number_refused"
    public_message = "Please enter a telephone number with area code."
