"""Why a member of staff is disabled, and which roles staff may have.  Pure."""

from enum import StrEnum
from typing import Final

from telehealth.access.roles import Role


class DisableReason(StrEnum):
    """Why somebody may act for the clinic no more.  Stored: renaming one is a migration."""

    LEFT = "left"
    """Works here no more."""
    LEAVE = "leave"
    """Away for a long time."""
    ACCOUNT_AT_RISK = "account_at_risk"
    """Somebody else may have their password or their device."""
    UNDER_REVIEW = "under_review"


STAFF_ROLES: Final = frozenset({Role.PROVIDER, Role.SCHEDULER, Role.ADMINISTRATOR, Role.AUDITOR})
"""Patients and guests come by a link of one visit and have no account."""
