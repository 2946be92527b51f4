"""Refusals about second factors."""

from typing import ClassVar

from telehealth.platform.errors import TelehealthError


class FactorRefused(TelehealthError):
    """A wrong, old or used code, a passkey of somebody else, or too many wrong ones before."""

    code = "factor.refused"
    public_message = "This did not work. Check it and try again."


class FactorUnknown(TelehealthError):
    """The account has no such factor."""

    code = "factor.unknown"
    public_message = "This way to sign in is not there any more."


class FactorTaken(TelehealthError):
    """The passkey is there already."""

    code = "factor.taken"
    public_message = "This passkey is there already."


class FactorNeeded(TelehealthError):
    """It is the last one, and the clinic asks for one."""

    code = "factor.needed"
    public_message = "Add another way to sign in first. Your clinic asks for a second step."


class NothingToConfirm(TelehealthError):
    """No new authenticator app waits to be confirmed, or it waited too long."""

    code = "factor.nothing_to_confirm"
    public_message = "Please begin again: scan the new code."


class SecondStepOver(TelehealthError):
    """The time for the second step of this sign-in is over, or it was used."""

    code = "sign_in.second_step_over"
    public_message = "Please sign in again with your password."


class StepUpNeeded(TelehealthError):
    """The act asks for a fresh proof, and the session has shown none lately."""

    code = "session.step_up_needed"
    public_message = "Please confirm that it is you."
    told_fields: ClassVar[frozenset[str]] = frozenset({"act"})


class AnotherFactorNeeded(TelehealthError):
    """Removing a factor asks for a fresh proof by another one."""

    code = "factor.prove_by_another"
    public_message = "Confirm with another way to sign in, or with a recovery code, first."


class StillEnrolling(TelehealthError):
    """The session may do nothing but add a second factor."""

    code = "session.second_factor_missing"
    public_message = "Set up a second step for signing in first."
