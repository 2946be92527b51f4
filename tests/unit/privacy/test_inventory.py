"""Every stored column has a class, and none is listed that is not there."""

from telehealth.migrations.metadata import METADATA
from telehealth.privacy.inventory import COLUMNS, PLACES, ColumnClass


def test_every_column_says_what_it_holds_about_a_person() -> None:
    """A new column without a row in `telehealth/privacy/inventory.py` fails here."""
    stored = {name: set(table.columns.keys()) for name, table in METADATA.tables.items()}
    listed = {name: set(columns) for name, columns in COLUMNS.items()}

    assert {name: columns - listed.get(name, set()) for name, columns in stored.items()} == {
        name: set() for name in stored
    }
    assert {name: columns - stored.get(name, set()) for name, columns in listed.items()} == {
        name: set() for name in listed
    }


def test_every_class_says_where_its_values_may_appear() -> None:
    assert set(PLACES) == set(ColumnClass)
    assert PLACES[ColumnClass.SECRET_HASH] == "nowhere"
