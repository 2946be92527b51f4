"""The text form of counters and gauges."""

from signaling.shell.metrics import Count, Metrics


def test_counters_and_gauges_are_rendered_with_their_labels() -> None:
    metrics = Metrics()
    metrics.count(Count.CLOSES, "4401")
    metrics.count(Count.CLOSES, "4401")

    text = metrics.rendered({"sig_rooms": 2, "sig_sockets": 3.0})

    assert text == 'sig_closes_total{code="4401"} 2\nsig_rooms 2\nsig_sockets 3\n'
    assert metrics.of(Count.CLOSES, "4401") == 2
    assert metrics.of(Count.CLOSES, "4403") == 0
