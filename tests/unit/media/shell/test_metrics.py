from media.shell.metrics import rendered


def test_counters_and_gauges_are_written_sorted_with_their_kinds() -> None:
    text = rendered({"no_peer": 3, "bad_datagram": 0}, {"load_ratio": 0.25, "rooms": 2})

    assert text.splitlines() == [
        "# TYPE media_bad_datagram_total counter",
        "media_bad_datagram_total 0",
        "# TYPE media_no_peer_total counter",
        "media_no_peer_total 3",
        "# TYPE media_load_ratio gauge",
        "media_load_ratio 0.25",
        "# TYPE media_rooms gauge",
        "media_rooms 2",
    ]


def test_a_node_without_counts_has_an_empty_page() -> None:
    assert rendered({}, {}) == "\n"
