"""Refusals of sealed storage; none of them carries a value, a key or a plain text."""

from telehealth.platform.errors import TelehealthError


class SealedUnreadable(TelehealthError):
    """A stored value does not open: altered, moved, cut short, or not sealed at all."""

    code = "sealed.unreadable"
    public_message = "Something went wrong on our side. Please try again."


class SealedErased(TelehealthError):
    """The key of a stored value was destroyed: what it said is gone for good."""

    code = "sealed.erased"
    public_message = "This information was erased."


class KeysUnavailable(TelehealthError):
    """The key provider does not answer, and no key at hand is young enough."""

    code = "sealed.keys_unavailable"
    public_message = "We cannot open this right now. Please try again in a moment."


class PlainTextRefused(TelehealthError):
    """Something unsealed was about to be written into a sealed column."""

    code = "sealed.plain_text_refused"
    public_message = "Something went wrong on our side. Please try again."


class ProviderUnsafe(Exception):
    """A key provider that may not be used here; the message says why, for the operator."""
