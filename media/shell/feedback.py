"""RTCP with one peer: what it reports and asks, what we report and ask.  Runs in the tick."""

from collections.abc import Callable
from typing import Final

from media.core import rtcp
from media.core.engine_face import Addr, EngineEvent, KeyFrameStalled, Kind
from media.core.sequence import SEQ_MOD
from media.core.twcc import TransportFeedback
from media.shell.counts import Count
from media.shell.repair import Repair
from media.shell.slots import Encoding, Slot
from media.shell.streams import PeerStreams

CAMERA_BITS_PER_S: Final = 2_500_000
"""Told each second by REMB to a sender that knows no transport-wide feedback: without any
estimate a browser stays near 300 kbit/s."""
AUDIO_RTT_MAX_S: Final = 0.1
"""Beyond, a lost voice packet would come again too late to be played."""
PROBE_MEASURED_S: Final = 0.2
BLOCKS_MAX: Final = 31
NTP_MASK: Final = (1 << 64) - 1


class Feedback:
    """RTCP of all peers.

    Args:
        sendto: The socket's own.
        repair: Answers NACKs.
        counts: The engine's counters.
        refusals: What `sendto` and a peer's `protect_rtcp` may raise for one packet.
    """

    def __init__(
        self,
        sendto: Callable[[bytes, Addr], object],
        repair: Repair,
        counts: list[int],
        refusals: tuple[type[Exception], ...] = (OSError,),
    ) -> None:
        self._sendto = sendto
        self._repair = repair
        self._refusals = refusals
        self._counts = counts

    def on_rtcp(self, streams: PeerStreams, plain: bytes, now: float) -> None:
        """Take one authentic compound packet."""
        try:
            items = rtcp.read(plain)
        except rtcp.BadRtcp:
            self._counts[Count.RTCP_BAD] += 1
            return
        for item in items:
            self._on_item(streams, item, now)

    def _on_item(self, streams: PeerStreams, item: rtcp.Item, now: float) -> None:
        match item:
            case rtcp.SenderReport(ssrc=ssrc) if ssrc in streams.encodings:
                streams.encodings[ssrc].reception.on_sender_report(item, now=now)
            case rtcp.ReportBlock(ssrc=ssrc) if ssrc in streams.slot_of_ssrc:
                self._on_block(streams, item, now)
            case TransportFeedback() | rtcp.EstimateTold():
                self._on_bandwidth(streams, item, now)
            case rtcp.Nack(ssrc=ssrc) | rtcp.KeyframeAsked(ssrc=ssrc):
                if (slot := streams.slot_of_ssrc.get(ssrc)) is not None:
                    self._on_request(slot, item, now)
            case _:
                pass  # BYE too: a browser says so when it closes; its peer ends by signaling

    def _on_bandwidth(
        self, streams: PeerStreams, told: TransportFeedback | rtcp.EstimateTold, now: float
    ) -> None:
        if isinstance(told, TransportFeedback):
            self._counts[Count.TRANSPORT_FEEDBACK_IN] += 1
            streams.estimator.on_fates(streams.sent_log.fates(told), now=now)
            _pace_probe(streams, now)
        elif not streams.has_transport_cc:
            streams.estimator.on_remb(told.bits_per_s, now=now)

    def _on_block(self, streams: PeerStreams, block: rtcp.ReportBlock, now: float) -> None:
        streams.trips.on_block(block.last_sr, block.delay_since_sr, now=now)
        if not streams.has_transport_cc:
            streams.estimator.on_reported_loss(block.fraction_lost / 256, now=now)

    def _on_request(self, slot: Slot, item: rtcp.Nack | rtcp.KeyframeAsked, now: float) -> None:
        if isinstance(item, rtcp.Nack):
            for number in item.numbers:
                self._repair.resend(slot, number, now)
            return
        slot.peer.key_frames_asked += 1
        source = slot.source or slot.target
        if source is not None and not source.is_muted:
            source.need_key_frame(now)

    def due(self, streams: PeerStreams, now: float) -> list[EngineEvent]:
        """Ask a peer for what it lost and for the key frames it owes, where somebody looks."""
        events: list[EngineEvent] = []
        for encoding in list(streams.owing):
            gate = encoding.gate
            if not encoding.loss.missing and gate.deadline is None:
                del streams.owing[encoding]
                continue
            if not encoding.is_watched:
                continue
            if encoding.loss.missing:
                self._ask_again(streams, encoding, now)
            if gate.deadline is not None and now >= gate.deadline:
                if gate.on_deadline(now=now, rtt_s=streams.trips.rtt_s):
                    self._send_pli(streams, encoding)
                elif gate.is_stalled:
                    events.append(KeyFrameStalled(publication=encoding.publication))
        return events

    def each_second(self, streams: PeerStreams, now: float) -> None:
        """Report what was received and sent, and how much may come."""
        self._report_reception(streams, now)
        streams.estimator.on_silence(now=now)
        for encoding in streams.encodings.values():
            encoding.ring.new_second(encoding.reception.highest)
        for slot in streams.slots.values():
            slot.new_second()
            if slot.source is None or not slot.packets_sent:
                continue
            clock = slot.source.reception.clock_at(now=now)
            if clock is None:
                continue
            ntp, source_ts = clock
            streams.trips.on_report_sent(ntp, now=now)
            report = rtcp.write_sender_report(
                ssrc=slot.spec.ssrc,
                ntp=ntp & NTP_MASK,
                rtp_ts=source_ts + slot.rewriter.ts_shift & 0xFFFF_FFFF,
                packets=slot.packets_sent,
                payload_bytes=slot.bytes_sent,
            )
            name = rtcp.write_cname(ssrc=slot.spec.ssrc, cname=slot.spec.cname)
            self._send(streams, report + name, Count.REPORTS_SENT)

    def ask_key_frame(self, streams: PeerStreams, encoding: Encoding, now: float) -> None:
        """Ask a sender for a key frame, unless it was asked a moment ago or is muted."""
        if encoding.is_video and not encoding.is_muted and encoding.may_ask_key_frame(now):
            self._send_pli(streams, encoding)

    def say_bye(self, streams: PeerStreams) -> None:
        """Tell a peer that the streams it received end (RFC 3550 section 6.6)."""
        ended = [slot.ssrc for slot in streams.slots.values() if slot.packets_sent]
        if ended:
            compound = self._head(streams) + rtcp.write_bye(ssrcs=ended[:BLOCKS_MAX])
            self._send(streams, compound, Count.REPORTS_SENT)

    def tell_arrivals(self, streams: PeerStreams, now: float) -> None:
        """Tell a sender when its packets arrived (transport-wide congestion control)."""
        media_ssrc = next(iter(streams.encodings), streams.feedback_ssrc)
        for part in streams.arrivals.take(
            sender_ssrc=streams.feedback_ssrc, media_ssrc=media_ssrc, now=now
        ):
            self._send(streams, self._head(streams) + part, Count.TRANSPORT_FEEDBACK_OUT)

    def _report_reception(self, streams: PeerStreams, now: float) -> None:
        heard = [each for each in streams.encodings.values() if each.reception.received]
        if not heard:
            return
        blocks = [encoding.reception.block(now=now) for encoding in heard]
        compound = rtcp.write_receiver_report(
            ssrc=streams.feedback_ssrc, blocks=blocks[:BLOCKS_MAX]
        )
        cameras = [each.ssrc for each in heard if _takes_remb(streams, each)]
        if cameras:
            compound += rtcp.write_remb(
                sender_ssrc=streams.feedback_ssrc, bits_per_s=CAMERA_BITS_PER_S, ssrcs=cameras
            )
        self._send(streams, compound, Count.REPORTS_SENT)

    def _ask_again(self, streams: PeerStreams, encoding: Encoding, now: float) -> None:
        if not encoding.is_video and streams.trips.rtt_s >= AUDIO_RTT_MAX_S:
            encoding.loss.forget()
            return
        numbers = encoding.loss.due(now=now, rtt_s=streams.trips.rtt_s)
        if numbers:
            nack = rtcp.write_nack(
                sender_ssrc=streams.feedback_ssrc,
                media_ssrc=encoding.ssrc,
                numbers=[number % SEQ_MOD for number in numbers],
            )
            self._send(streams, self._head(streams) + nack, Count.NACKS_SENT)

    def _send_pli(self, streams: PeerStreams, encoding: Encoding) -> None:
        pli = rtcp.write_pli(sender_ssrc=streams.feedback_ssrc, media_ssrc=encoding.ssrc)
        self._send(streams, self._head(streams) + pli, Count.PLIS_SENT)

    def _head(self, streams: PeerStreams) -> bytes:
        """An empty RR: a compound begins with a report (RFC 3550 section 6.1)."""
        return rtcp.write_receiver_report(ssrc=streams.feedback_ssrc, blocks=[])

    def _send(self, streams: PeerStreams, plain: bytes, count: Count) -> None:
        if streams.protect_rtcp is None or streams.selected is None:
            return
        try:
            self._sendto(streams.protect_rtcp(plain), streams.selected)
        except self._refusals:
            self._counts[Count.NOT_SENT] += 1
        else:
            self._counts[count] += 1


def _pace_probe(streams: PeerStreams, now: float) -> None:
    """Reckon anew how much to send beyond the media."""
    probe = streams.probe
    if not probe.wanted_bps:
        probe.rate_bps = 0.0
        return
    passed_s = now - probe.measured_at
    if passed_s < PROBE_MEASURED_S:
        return
    bytes_sent = sum(slot.bytes_sent for slot in streams.slots.values())
    sent_bps = (bytes_sent - probe.bytes_sent) * 8 / passed_s
    probe.bytes_sent, probe.measured_at = bytes_sent, now
    probe.rate_bps = streams.estimator.probe_bps(
        sent_bps=sent_bps, wanted_bps=probe.wanted_bps, now=now
    )


def _takes_remb(streams: PeerStreams, encoding: Encoding) -> bool:
    section = streams.sections.get(encoding.publication.mid)
    return (
        section is not None
        and section.kind is Kind.VIDEO
        and any("goog-remb" in codec.feedback for codec in section.codecs)
    )
