"""What describes a person is sealed or says why not, and no SQL of ours reaches behind the seal."""

import ast
import re

import pytest
from sqlalchemy import Date, LargeBinary, String, Text
from sqlalchemy.types import TypeEngine

from telehealth.migrations.metadata import METADATA
from telehealth.platform.db import EnumText
from telehealth.platform.sealing.columns import sealed_attributes, sealed_classes
from tests.architecture.source_tree import named, python_files, tree_of

# Words that stay readable, and why nobody is named or described by them.
READABLE = {
    # the clinic's own, on its public pages
    "clinics.name",
    "clinics.short_name",
    "clinics.phone",
    "clinics.time_zone",
    # a provider's public number in the national register
    "people.npi",
    # secrets, as one-way hashes
    "accounts.password_hash",
    # codes, ids and canonical facts of ids and numbers
    "audit_entries.event",
    "audit_entries.actor_role",
    "audit_entries.actor_job",
    "audit_entries.facts",
    "day_reports.day_on",
    "day_reports.content",
    "audit_head_exports.sink",
    "audit_head_exports.trouble",
    "audited_polls.view",
    "audited_polls.digest",
    "chart_link.remote_ref",
    "consents.text_id",
    "consents.language",
    "consents.digest",
    "consents.modality",
    "delivery_attempt.made_by",
    "delivery_attempt.partner_ref",
    "idempotency_keys.act_mac",
    "lane_order.order_key",
    "ledger_entry.partner",
    "ledger_entry.key",
    "ledger_entry.order_key",
    "ledger_entry.lease_owner",
    "ledger_entry.partner_ref",
    "open_items.code",
    "visits.visit_code",
    # a state at most, which alone names nobody (45 CFR 164.514(b)(2)(i)(B))
    "consents.jurisdiction",
    # days, ids and names of tables: the office's own work
    "correction_requests.due_on",
    "legal_holds.placed_by",
    "legal_holds.lifted_by",
    "removal_permits.table_name",
    # `browser/system` in coarse words, and languages
    "login_sessions.device",
    "passkeys.device",
    "pending_sign_ins.device",
    "people.language",
    "notices.language",
    # names a provider or channel gave: what was sent, and who signs in there
    "notices.partner_ref",
    "sso_identities.issuer",
    "sso_identities.subject",
}
RAW_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")


def _holds_words(kind: TypeEngine[object]) -> bool:
    return isinstance(kind, String | Text | Date) and not isinstance(kind, EnumText)


def test_a_column_of_words_or_days_is_sealed_or_listed_as_readable() -> None:
    """A new one must be decided about: `sealed_column`, or a line above with its reason."""
    readable = {
        f"{table.name}.{column.name}"
        for table in METADATA.tables.values()
        for column in table.columns
        if _holds_words(column.type) and not column.info.get("sealed")
    }

    assert readable - READABLE == set()


def test_a_sealed_column_has_bytes_an_attribute_and_a_class() -> None:
    for kind in sealed_classes():
        columns = {column.name for column in kind.__table__.columns if column.info.get("sealed")}
        assert columns == {attribute.name for attribute in sealed_attributes(kind)}
        for name in columns:
            assert isinstance(kind.__table__.columns[name].type.impl, LargeBinary)
        assert kind.__sealed_for__ in kind.__table__.columns
        assert kind.__sealed_group__


def _raw_statements() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in python_files("telehealth"):
        if "migrations" in path.parts or "sandbox" in path.parts:
            continue
        found += [
            (named(path), node.value)
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and RAW_SQL.search(node.value)
        ]
    return found


@pytest.mark.parametrize("kind", sealed_classes(), ids=lambda kind: kind.__tablename__)
def test_no_raw_sql_names_a_table_with_sealed_columns(kind: type) -> None:
    """It would write plain text, or read bytes for words."""
    table = re.compile(rf"\b{kind.__tablename__}\b")  # type: ignore[attr-defined]

    naming = {place for place, statement in _raw_statements() if table.search(statement)}

    assert naming == set()


def test_only_the_seal_itself_touches_sealed_bytes() -> None:
    """`person.given_sealed` elsewhere would go around the key."""
    stored = {
        attribute.stored for kind in sealed_classes() for attribute in sealed_attributes(kind)
    }
    touching = {
        f"{named(path)}: {node.attr}"
        for path in python_files("telehealth")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in stored
    }

    assert touching == set()
