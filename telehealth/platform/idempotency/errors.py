"""Refusals of repeated acts."""

from telehealth.platform.errors import TelehealthError


class KeyRefused(TelehealthError):
    """The Idempotency-Key is not 16 to 64 letters, digits, dashes and underscores, sent once."""

    code = "request.key_refused"
    public_message = "The request could not be read."


class KeyReused(TelehealthError):
    """The key was used for another act."""

    code = "request.key_reused"
    public_message = "Please reload the page and try again."


class StillRunning(TelehealthError):
    """The same act is being carried out at this moment."""

    code = "request.still_running"
    public_message = "This is being done already. Please wait a moment."


class AlreadyDone(TelehealthError):
    """The act was done, and its answer could not be kept."""

    code = "request.already_done"
    public_message = "This was done already. Refresh to see where it stands."
