from media.shell.logs import keep_listed_fields


def test_a_field_that_is_not_listed_is_dropped_and_only_counted() -> None:
    """An address or an SDP put into a log line by mistake stays in the process."""
    kept = keep_listed_fields(
        None,
        "info",
        {"event": "offer.refused", "fault": "ice", "address": "192.0.2.1", "sdp": "v=0"},
    )

    assert kept == {"event": "offer.refused", "fault": "ice", "unlisted_fields": 2}


def test_a_line_of_listed_fields_is_left_alone() -> None:
    assert keep_listed_fields(None, "info", {"event": "node.started"}) == {"event": "node.started"}
