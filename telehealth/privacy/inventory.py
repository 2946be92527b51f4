"""What every stored column holds about a person, and where else it may appear.  Pure.

A column without a row here fails a test: whoever adds one says what it is.  Whether a column is
sealed stands at the column itself, and in the generated inventory.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ColumnClass(StrEnum):
    """What a column tells about a person."""

    IDENTIFIER = "identifier"
    """Says who somebody is, or how to reach them (45 CFR 164.514(b)(2)(i))."""
    CLINICAL = "clinical"
    """What was said, found or done in care, or where the patient was."""
    SECRET_HASH = "secret hash"  # noqa: S105  (a kind of column, no secret)
    """Opens nothing by itself: the hash of what does."""
    SECRET = "secret"  # noqa: S105  (a kind of column, no secret)
    """Opens something as it stands; what only has to leave is wiped once it has."""
    OPAQUE_ID = "opaque id"
    OPERATIONAL = "operational"
    """Kinds, counters and instants."""


PLACES: Final[Mapping[ColumnClass, str]] = MappingProxyType(
    {
        ColumnClass.IDENTIFIER: "pages of those who may see the person; the chart; the own copy",
        ColumnClass.CLINICAL: "pages of those who treat or run the day; the chart; the own copy",
        ColumnClass.SECRET_HASH: "nowhere",
        ColumnClass.SECRET: "the one person it belongs to, once",
        ColumnClass.OPAQUE_ID: "logs, addresses, Redis, tickets",
        ColumnClass.OPERATIONAL: "logs, pages",
    }
)
"""Where values of a class may appear outside the database; nowhere else."""

_I, _C, _S = ColumnClass.IDENTIFIER, ColumnClass.CLINICAL, ColumnClass.SECRET_HASH
_ID, _O = ColumnClass.OPAQUE_ID, ColumnClass.OPERATIONAL


def _columns(**by_class: str) -> Mapping[str, ColumnClass]:
    classes = {
        "identifier": _I,
        "clinical": _C,
        "secret_hash": _S,
        "secret": ColumnClass.SECRET,
        "opaque": _ID,
        "operational": _O,
    }
    return MappingProxyType(
        {column: classes[name] for name, columns in by_class.items() for column in columns.split()}
    )


COLUMNS: Final[Mapping[str, Mapping[str, ColumnClass]]] = MappingProxyType(
    {
        "accounts": _columns(
            opaque="id person_id clinic_id",
            # A blind index finds again whoever's address is known already.
            identifier="email email_index",
            secret_hash="password_hash",  # noqa: S106  (a column's name)
            operational="password_set_at wrong_tries wait_until sign_on_unlinked_at",
        ),
        "appointments": _columns(
            opaque="id clinic_id patient_id provider_id",
            # That somebody meets a provider at a time is care.
            clinical="starts_at ends_at",
            operational="state booked_at",
        ),
        "attendance_stays": _columns(
            opaque="id participant_id", operational="joined_at left_at cause"
        ),
        "attendances": _columns(
            opaque="id visit_id person_id",
            operational=(
                "kind is_present presence_since attach_epoch is_media_connected"
                " admitted_at removed_at"
            ),
        ),
        "audit_entries": _columns(
            opaque="id clinic_id actor_person_id visit_id patient_id subject_id",
            operational="seq at event actor_role actor_job facts previous seal",
        ),
        "audit_head_exports": _columns(
            opaque="clinic_id", operational="sink size exported_at failing_since trouble"
        ),
        "audited_polls": _columns(opaque="person_id view", operational="digest audited_at"),
        "authenticator_apps": _columns(
            opaque="id clinic_id person_id account_id",
            secret="secret waiting_secret",  # noqa: S106  (columns' names)
            operational="waiting_since added_at last_used_at last_step",
        ),
        "chart_link": _columns(
            opaque="visit_id clinic_id",
            # The patient's id at the EHR is a record number like any other.
            identifier="remote_ref",
            operational="thing linked_at",
        ),
        "clinics": _columns(opaque="id", operational="name short_name phone time_zone"),
        "consents": _columns(
            opaque="id visit_id person_id withdrawn_by",
            clinical="jurisdiction",
            operational="text_id version language digest modality given_at withdrawn_at",
        ),
        "contact_requests": _columns(
            opaque="id link_id",
            # The mark is a keyed hash: whoever holds the key and a number can find it again.
            identifier="contact_mark",
            secret_hash="pending_hash code_hash",  # noqa: S106  (columns' names)
            operational="kind asked_at expires_at wrong_tries used_at",
        ),
        "correction_requests": _columns(
            opaque="id clinic_id patient_id visit_id answered_by",
            clinical="said answer",
            operational="asked_at due_on state denial_reason answered_at",
        ),
        "day_reports": _columns(
            opaque="id clinic_id reviewed_by",
            operational="day_on first_seq last_seq content made_at is_late reviewed_at",
        ),
        "delivery_attempt": _columns(
            opaque="attempt_id entry_id",
            identifier="partner_ref",
            operational="lease_epoch step at made_by result http_status duration_ms",
        ),
        "lane_order": _columns(
            # Made from the record number: whoever has a list of numbers can find them again.
            identifier="order_key",
            operational="lane last_no",
        ),
        "ledger_entry": _columns(
            opaque="entry_id clinic_id patient_id subject_id key message_id",
            identifier="order_key partner_ref",
            clinical="payload",
            operational=(
                "kind schema_version partner lane order_no order_until created_at next_at"
                " give_up_at confirm_by expires_at settled_at state state_since attempts"
                " lease_owner lease_until lease_epoch called_epoch quiet_until last_code"
            ),
        ),
        "idempotency_keys": _columns(
            secret_hash="key_hash act_mac",  # noqa: S106  (columns' names)
            opaque="run",
            # The answer of the act, whatever it holds; sealed under the caller's own key.
            clinical="sealed_answer",
            operational="started_at done_at status expires_at",
        ),
        "legal_holds": _columns(
            opaque="id clinic_id patient_id",
            operational="reason placed_at placed_by lifted_at lifted_by",
        ),
        "login_sessions": _columns(
            opaque="id clinic_id person_id link_id visit_id proved_with",
            operational=(
                "role started_at renewed_at expires_at ended_at device may_only_enrol"
                " proved_at proved_by by_sign_on"
            ),
        ),
        "memberships": _columns(
            opaque="person_id clinic_id",
            operational="role added_at is_told disabled_at disabled_reason",
        ),
        "note_signatures": _columns(opaque="visit_id signed_by", operational="version signed_at"),
        "note_versions": _columns(
            opaque="visit_id clinic_id patient_id author_id",
            clinical="text",
            operational="version saved_at",
        ),
        "notices": _columns(
            opaque="id clinic_id visit_id person_id",
            identifier="partner_ref",
            operational="template channel language state settled_at",
        ),
        "open_items": _columns(
            opaque="visit_id", operational="code is_blocking opened_at settled_at"
        ),
        "opened_records": _columns(
            opaque="id clinic_id person_id patient_id session_id",
            clinical="reason",
            operational="opened_at ends_at ended_at ended_how reads",
        ),
        "outgoing_secrets": _columns(
            opaque="id clinic_id person_id",
            secret="secret",  # noqa: S106  (a column's name)
            operational="made_at expires_at",
        ),
        "passkey_challenges": _columns(
            opaque="id account_id challenge", operational="ceremony expires_at used_at"
        ),
        "passkeys": _columns(
            # The public half of a key: it checks a proof and makes none.
            opaque="id account_id credential_id public_key",
            operational="sign_count device added_at last_used_at",
        ),
        "password_links": _columns(
            opaque="account_id",
            secret_hash="secret_hash",  # noqa: S106  (a column's name)
            operational="made_at expires_at used_at",
        ),
        "pending_sign_ins": _columns(
            opaque="account_id",
            secret_hash="secret_hash",  # noqa: S106  (a column's name)
            operational="device by_sign_on expires_at used_at",
        ),
        "people": _columns(
            opaque="id clinic_id",
            identifier=(
                "given given_index family family_index birth_on phone phone_index email email_index"
                " medical_record_number medical_record_number_index npi"
            ),
            operational="language added_at",
        ),
        "presence_events_seen": _columns(opaque="event_id visit_id", operational="at"),
        "queue_entries": _columns(
            opaque="visit_id clinic_id patient_id provider_id called_by",
            identifier="place_address call_back_number",
            clinical="place_state",
            operational=(
                "arrived_at outcome microphone camera speaker network checked_at called_at"
            ),
        ),
        "recovery_codes": _columns(
            opaque="id account_id",
            secret_hash="code_hash",  # noqa: S106  (a column's name)
            operational="made_at used_at",
        ),
        "record_exports": _columns(
            opaque="id clinic_id patient_id asked_by",
            operational="asked_role asked_at expires_at wrong_tries used_at",
        ),
        "refresh_secrets": _columns(
            secret_hash="secret_hash",  # noqa: S106  (a column's name)
            opaque="session_id",
            operational="made_at used_at",
        ),
        "removal_permits": _columns(operational="table_name"),
        "retention_runs": _columns(opaque="clinic_id", operational="ran_at"),
        "sso_identities": _columns(
            opaque="account_id", identifier="issuer subject", operational="linked_at"
        ),
        "visit_links": _columns(
            opaque="id clinic_id person_id visit_id",
            secret_hash="secret_hash",  # noqa: S106  (a column's name)
            operational="role issued_at expires_at replaced_at wrong_tries",
        ),
        "visits": _columns(
            opaque="id clinic_id appointment_id patient_id provider_id visit_code",
            operational=(
                "state state_before state_since version waiting_since started_at ended_at"
                " finished_at closed_at cancel_reason"
            ),
        ),
    }
)
