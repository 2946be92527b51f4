"""Refusals about who may."""

from telehealth.platform.errors import TelehealthError


class NotPermitted(TelehealthError):
    """The actor's role does not include this act."""

    code = "access.not_permitted"
    public_message = "You are not allowed to do this."


class NotSignedIn(TelehealthError):
    """Nobody stands behind the request."""

    code = "access.not_signed_in"
    public_message = "Please sign in first."
