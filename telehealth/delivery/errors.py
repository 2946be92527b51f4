"""Refusals of the delivery ledger."""

from telehealth.platform.errors import TelehealthError


class DeliveryRefused(TelehealthError):
    """Root of the ledger's refusals."""


class AlreadyOwed(DeliveryRefused):
    """The same effect is in the ledger with other content; a correction is a new effect."""

    code = "delivery.already_owed"
    public_message = "This has already been recorded differently. Refresh to see what was recorded."


class IllegalEntryStep(DeliveryRefused):
    """The entry is not in a state from which this step can be taken."""

    code = "delivery.illegal_step"
    public_message = "This delivery has moved on. Refresh to see where it stands."


class EntryUnknown(DeliveryRefused):
    """No such entry, or not visible to the actor."""

    code = "delivery.unknown_entry"
    public_message = "There is no such delivery."


class EntryNotParked(DeliveryRefused):
    """Only a parked entry waits for a person; this one moves by itself, or somebody was faster."""

    code = "delivery.not_parked"
    public_message = "This delivery no longer waits for a person. Refresh to see where it stands."
