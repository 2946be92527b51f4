"""Refusals about appointments."""

from telehealth.platform.errors import TelehealthError


class SlotTaken(TelehealthError):
    """The provider has another appointment that begins then."""

    code = "scheduling.slot_taken"
    public_message = "This time has just been taken. Please choose another one."


class TimesRefused(TelehealthError):
    """Start and end make no appointment."""

    code = "scheduling.times_refused"
    public_message = "An appointment must end after it starts, within eight hours."


class AppointmentUnknown(TelehealthError):
    """There is no such appointment for the actor."""

    code = "scheduling.unknown"
    public_message = "This appointment could not be found."
