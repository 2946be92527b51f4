"""Nothing but listed fields reaches a log line."""

from signaling.shell.logs import keep_listed_fields


def test_unlisted_fields_are_dropped_and_counted() -> None:
    kept = keep_listed_fields(None, "info", {"event": "a.b", "name": "Rosa", "ticket": "x"})

    assert kept == {"event": "a.b", "unlisted_fields": 2}


def test_listed_fields_pass() -> None:
    assert keep_listed_fields(None, "info", {"event": "a.b", "code": "x"}) == {
        "event": "a.b",
        "code": "x",
    }
