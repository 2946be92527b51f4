"""Why a delivery stands where it stands, in plain English for staff.  Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from telehealth.delivery.ports import OutcomeCode

_C = OutcomeCode

REASON: Final[Mapping[OutcomeCode, str]] = MappingProxyType(
    {
        _C.DELIVERED: "It arrived.",
        _C.FOUND: "We asked, and it is there.",
        _C.NOT_FOUND: "We asked, and it is not there. It will be sent again.",
        _C.PATIENT_NOT_FOUND: (
            "The chart has no patient with this medical record number. Correct the number or"
            " register the patient in the chart, then check again."
        ),
        _C.PATIENT_AMBIGUOUS: (
            "The chart has more than one patient with this medical record number. Have the"
            " duplicates resolved in the chart, then check again."
        ),
        _C.PATIENT_MISMATCH: (
            "The patient found in the chart has another birth date. Nothing was written. Compare"
            " both records, then check again."
        ),
        _C.ENCOUNTER_MISSING: "The chart no longer has the visit this note belongs to.",
        _C.DUPLICATES_AT_PARTNER: (
            "The chart holds this more than once. Have the extra copies marked as entered in"
            " error, then check again."
        ),
        _C.REJECTED_BY_PARTNER: "The other system refused the content.",
        _C.NO_ADDRESS: (
            "There is no phone number or e-mail address on file that a notice can be sent to."
            " Correct it, then check again, or call."
        ),
        _C.CONTENT_UNREADABLE: "What was recorded cannot be sent as it is. Tell an administrator.",
        _C.SIGN_IN_REFUSED: "The other system does not accept our sign-in. Tell an administrator.",
        _C.SCOPE_TOO_NARROW: "The other system gives us too few rights. Tell an administrator.",
        _C.NOT_PERMITTED_BY_PARTNER: (
            "The other system does not permit this. Tell an administrator."
        ),
        _C.RATE_LIMITED: "The other system asked us to wait.",
        _C.UNREACHABLE: "The other system cannot be reached.",
        _C.ANSWER_LOST: "It may have arrived, but the answer was lost. We are asking.",
        _C.UNREADABLE_ANSWER: "The other system's answer cannot be read. We are asking again.",
        _C.PARTNER_ERROR: "The other system reported a fault of its own. We are asking again.",
        _C.CONFLICT: "The other system says it already has this. We are asking.",
        _C.NOT_ACKNOWLEDGED: "Not every call server has acknowledged this yet.",
        _C.LEASE_SHORT: "There was too little time for this try. It will be tried again.",
        _C.LEASE_OVER: "A try was interrupted. We are finding out how far it came.",
        _C.CONFIRM_OVERDUE: "The final answer is overdue. We are asking.",
        _C.TIME_OVER: "It was tried for as long as it may be.",
        _C.EXPIRED: "It is no longer needed.",
        _C.ADAPTER_BROKEN: "Our own software failed. Tell an administrator.",
        _C.CHECK_ASKED: "Somebody asked to have this checked again.",
        _C.STOPPED: "The delivery service was being restarted. It will be tried again.",
    }
)

NOT_TRIED_YET: Final = "It has not been tried yet."


def reason_for(code: OutcomeCode | None) -> str:
    """Return the sentence for a code; None: nothing was tried."""
    return NOT_TRIED_YET if code is None else REASON[code]
