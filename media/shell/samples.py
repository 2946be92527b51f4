"""What the engine tells of its peers and their streams, for the balance and the statistics."""

from media.core.allocator import OFF
from media.core.engine_face import PeerSample, SlotSample, StreamSample
from media.shell.slots import Slot
from media.shell.streams import PeerStreams, Totals


def streams_of(streams: PeerStreams, mid: str) -> tuple[StreamSample, ...]:
    """Return one entry for each bound encoding of a section, the smallest first."""
    return tuple(
        StreamSample(
            rank=rank,
            received=encoding.reception.received,
            octets=encoding.octets,
            loud=encoding.loud,
            top_temporal=encoding.top_temporal,
        )
        for rank, encoding in sorted(streams.live.get(mid, {}).items())
    )


def sample_of(streams: PeerStreams, *, now: float) -> PeerSample:
    """Return how a peer fared since it was last asked about, and start to count anew."""
    totals, before = _totals(streams, now), streams.totals
    streams.totals = totals
    span_s = max(totals.at - before.at, 0.001)
    expected = totals.expected - before.expected
    received = totals.received - before.received
    estimator = streams.estimator
    return PeerSample(
        span_s=span_s,
        estimate_bps=int(estimator.bps),
        rtt_s=streams.trips.rtt_s,
        loss_up=min(1.0, max(0.0, 1 - received / expected)) if expected > 0 else 0.0,
        loss_down=estimator.loss,
        jitter_s=max((each.reception.jitter_s for each in streams.encodings.values()), default=0.0),
        queue_s=estimator.queue_s,
        bps_in=int((totals.bytes_in - before.bytes_in) * 8 / span_s),
        bps_out=int((totals.bytes_out - before.bytes_out) * 8 / span_s),
        packets_in=received,
        packets_out=totals.packets_out - before.packets_out,
        nacked=totals.nacked - before.nacked,
        resent=totals.resent - before.resent,
        key_frames_asked=totals.key_frames_asked - before.key_frames_asked,
        slots=tuple(_slot_sample(slot) for slot in streams.slots.values() if slot.route),
    )


def _totals(streams: PeerStreams, now: float) -> Totals:
    totals = Totals(
        at=now,
        nacked=streams.nacked,
        resent=streams.resent,
        key_frames_asked=streams.key_frames_asked,
    )
    for encoding in streams.encodings.values():
        totals.expected += encoding.reception.expected
        totals.received += encoding.reception.received
        totals.bytes_in += encoding.octets
    for slot in streams.slots.values():
        totals.packets_out += slot.packets_sent
        totals.bytes_out += slot.bytes_sent
    return totals


def _slot_sample(slot: Slot) -> SlotSample:
    return SlotSample(
        mid=slot.spec.mid,
        rank=OFF if slot.source is None else slot.source.rank,
        is_waiting=slot.target is not None,
    )
