"""The reference engine: SRTP by libsrtp, forwarding in Python; implements `engine_face.Engine`.

What SRTP refuses of a packet is caught per packet and counted.
Order of guards: source, rate, number of SSRCs, authenticity; only then does state change.

For its callers: `open_peer`, then `set_facts`, `set_keys` and `set_path` in any order and as
often as there is news; `take_events` after each `on_tick`; `close_peer` ends everything at once.
A verb for a peer that is closed already does nothing.
"""

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from media.core.engine_face import (
    Addr,
    Authenticated,
    EngineEvent,
    PeerKey,
    PeerSample,
    PublicationBound,
    PublicationKey,
    ReceiveFacts,
    RouteEdit,
    SlotKey,
    SrtpKeys,
    StreamSample,
)
from media.core.packets import number_position, unwrapped_rtx
from media.shell.binding import bind
from media.shell.counts import Count
from media.shell.feedback import Feedback
from media.shell.forwarder import Forwarder
from media.shell.repair import Repair
from media.shell.samples import sample_of, streams_of
from media.shell.slots import Encoding, Slot
from media.shell.srtp import REFUSALS, SrtpSession
from media.shell.streams import PeerStreams

SSRCS_MAX: Final = 64
PACKETS_A_SECOND: Final = 3_000
BYTES_A_SECOND: Final = 1_500_000
RTCP_A_SECOND: Final = 100
HEARD_EVERY_S: Final = 0.25
"""Who was heard is told this often: the silences that matter last seconds."""

_DRAW: Final = partial(secrets.randbits, 32)
_NOT_SENT: Final = (*REFUSALS, OSError)
_PACKETS_IN: Final = int(Count.PACKETS_IN)


class PythonEngine:
    """The packet plane of one node.

    Args:
        sendto: The socket's own.
        draw: Random 32-bit numbers for SSRCs, first sequence numbers and timestamps.
    """

    def __init__(
        self,
        sendto: Callable[[bytes, Addr], object],
        *,
        draw: Callable[[], int] = _DRAW,
    ) -> None:
        self._draw = draw
        self._peers: dict[PeerKey, PeerStreams] = {}
        self._by_addr: dict[Addr, PeerStreams] = {}
        self._events: list[EngineEvent] = []
        self._forwarder = Forwarder(sendto, _NOT_SENT)
        self._repair = Repair(self._forwarder)
        self._feedback = Feedback(sendto, self._repair, self._forwarder.counts, _NOT_SENT)
        self._counts = self._forwarder.counts
        self._on_rtp = self._forwarder.on_rtp
        self._second_from = float("-inf")
        self._now = 0.0
        self._tell_heard_at = float("-inf")

    def open_peer(self, peer: PeerKey, *, now: float) -> None:
        """Know a peer; nothing is accepted from it before `set_keys` and `set_path`."""
        self._now = now
        self._peers[peer] = PeerStreams(peer, feedback_ssrc=self._draw())

    def set_facts(self, peer: PeerKey, facts: ReceiveFacts) -> None:
        """Learn or extend what the peer's offer agreed; slots keep their SSRCs."""
        streams = self._peers.get(peer)
        if streams is None:
            return
        streams.sections = {section.mid: section for section in facts.sections}
        numbered = (section.extensions.transport_cc for section in facts.sections)
        streams.twcc_id = next((each for each in numbered if each is not None), None)
        for spec in facts.slots:
            if spec.mid not in streams.slots:
                slot = Slot(streams, spec, draw=self._draw)
                streams.slots[spec.mid] = slot
                streams.slot_of_ssrc[spec.ssrc] = slot

    def set_keys(self, peer: PeerKey, keys: SrtpKeys) -> None:
        """Take the keys of a DTLS association whose fingerprint was verified."""
        streams = self._peers.get(peer)
        if streams is None:
            return
        inbound = SrtpSession(keys.rx_key, keys.profile, is_outbound=False)
        outbound = SrtpSession(keys.tx_key, keys.profile, is_outbound=True)
        streams.unprotect = inbound.unprotect
        streams.unprotect_rtcp = inbound.unprotect_rtcp
        streams.protect = outbound.protect
        streams.protect_rtcp = outbound.protect_rtcp

    def set_path(self, peer: PeerKey, valid: frozenset[Addr], selected: Addr | None) -> None:
        """Set the addresses heard from and the one sent to; None stops sending."""
        streams = self._peers.get(peer)
        if streams is None:
            return
        for addr in streams.valid - valid:
            if self._by_addr.get(addr) is streams:
                del self._by_addr[addr]
        self._by_addr.update(dict.fromkeys(valid, streams))
        streams.valid, streams.path = valid, selected
        streams.settle_path()

    def set_muted(self, publication: PublicationKey, *, is_muted: bool) -> None:
        """Drop a publication's packets at ingress, or stop doing so.

        What came while muted is gone for good; video goes on with a key frame asked for.
        """
        if (streams := self._peers.get(publication.peer)) is not None:
            muted = streams.muted_mids
            muted.add(publication.mid) if is_muted else muted.discard(publication.mid)
            self._settle_mutes(streams)

    def hold(self, publication: PublicationKey, *, is_held: bool) -> None:
        """Drop a publication's packets because the server says so, whatever its owner says."""
        if (streams := self._peers.get(publication.peer)) is not None:
            held = streams.held_mids
            held.add(publication.mid) if is_held else held.discard(publication.mid)
            self._settle_mutes(streams)

    def set_paused(self, peer: PeerKey, *, is_paused: bool) -> None:
        """Hold everything to and from a peer, or let it flow again; path and keys stay.

        What came meanwhile is gone for good, as with a mute; pictures both ways begin anew.
        """
        streams = self._peers.get(peer)
        if streams is None or streams.is_paused is is_paused:
            return
        streams.is_paused = is_paused
        streams.settle_path()
        self._settle_mutes(streams)
        for slot in streams.slots.values():
            slot.is_paused = is_paused
            self._spread_again(slot)

    def steer(self, slot: SlotKey, *, rank: int, temporal: int) -> None:
        """Give a slot another encoding, at that one's next key frame, or none at once."""
        streams = self._peers.get(slot.peer)
        steered = None if streams is None else streams.slots.get(slot.mid)
        if steered is None or steered.route is None:
            return
        if steered.temporal_wanted != temporal:
            steered.limit_temporal(temporal)
        if steered.rank != rank:
            steered.rank = rank
            self._spread_again(steered)

    def set_wanted(self, peer: PeerKey, wanted_bps: int) -> None:
        """Say what the next step up would need; 0 ends the probing for it."""
        streams = self._peers.get(peer)
        if streams is not None:
            streams.probe.wanted_bps = wanted_bps

    def streams(self, publication: PublicationKey) -> tuple[StreamSample, ...]:
        """Say what of a publication arrives: one entry a bound encoding."""
        streams = self._peers.get(publication.peer)
        return () if streams is None else streams_of(streams, publication.mid)

    def estimate_bps(self, peer: PeerKey) -> float:
        """Return the present estimate of a peer's downlink; 0 for one that is closed."""
        streams = self._peers.get(peer)
        return 0.0 if streams is None else streams.estimator.bps

    def sample(self, peer: PeerKey, *, now: float) -> PeerSample | None:
        """Say how a peer fared since the last time it was asked; None for one that is closed."""
        streams = self._peers.get(peer)
        return None if streams is None else sample_of(streams, now=now)

    def route(self, edits: Sequence[RouteEdit], *, now: float) -> None:
        """Apply edits at once, between two datagrams; a new video route asks for a key frame."""
        self._now = now
        for edit in edits:
            source = self._peers.get(edit.route.publication.peer)
            sink = self._peers.get(edit.route.slot.peer)
            slot = None if sink is None else sink.slots.get(edit.route.slot.mid)
            if source is None or slot is None:
                continue  # one end is gone already, and with it the route
            mid = edit.route.publication.mid
            if not edit.is_attached:
                source.detach(mid, slot)
                continue
            if slot.route != (source.key, mid):
                self._leave(slot)
                source.attach(mid, slot)
            self._ask_for_starts(source, mid)

    def on_srtp(  # noqa: C901  (the hot path: a branch for each guard)
        self, addr: Addr, data: bytes, now: float
    ) -> None:
        """Take a datagram whose first byte is 128–191 and second is no RTCP type."""
        counts = self._counts
        streams = self._by_addr.get(addr)
        if streams is None or streams.unprotect is None:
            counts[Count.NO_KEYS] += 1
            return
        streams.packets_in += 1
        streams.bytes_in += len(data)
        if streams.packets_in > PACKETS_A_SECOND or streams.bytes_in > BYTES_A_SECOND:
            counts[Count.RATE] += 1
            return
        ssrc = int.from_bytes(data[8:12], "big")
        encoding = streams.encodings.get(ssrc)
        if encoding is None and self._is_one_too_many(streams, ssrc):
            counts[Count.TOO_MANY_SSRCS] += 1
            return
        try:
            packet = streams.unprotect(data)
        except REFUSALS:
            counts[Count.NOT_AUTHENTIC] += 1
            return
        streams.heard_at = now
        counts[_PACKETS_IN] += 1
        if encoding is None:
            self._on_unknown(streams, ssrc, packet, now)
            return
        if encoding.twcc_head:
            at = encoding.twcc_at
            if packet[12:16] != encoding.twcc_mark or packet[at] != encoding.twcc_head:
                at = encoding.find_number(packet)
            if at:
                streams.arrived_numbers.append(packet[at + 1] << 8 | packet[at + 2])
                streams.arrived_at.append(now)
        if encoding.is_muted:
            self._forwarder.on_muted(encoding, packet, now)
        else:
            self._on_rtp(encoding, packet, now)

    def on_srtcp(self, addr: Addr, data: bytes, now: float) -> None:
        """Take a datagram whose first byte is 128–191 and second byte 192–223."""
        counts = self._counts
        streams = self._by_addr.get(addr)
        if streams is None or streams.unprotect_rtcp is None:
            counts[Count.NO_KEYS] += 1
            return
        streams.rtcp_in += 1
        if streams.rtcp_in > RTCP_A_SECOND:
            counts[Count.RTCP_RATE] += 1
            return
        try:
            plain = streams.unprotect_rtcp(data)
        except REFUSALS:
            counts[Count.NOT_AUTHENTIC] += 1
            return
        streams.heard_at = now
        counts[Count.RTCP_IN] += 1
        self._feedback.on_rtcp(streams, plain, now)

    def on_tick(self, *, now: float) -> None:
        """Do the periodic work: NACK, key-frame retries, reports, REMB."""
        self._now = now
        is_new_second = now - self._second_from >= 1.0
        if is_new_second:
            self._second_from = now
        for streams in self._peers.values():
            if streams.arrived_at and streams.arrivals.is_due(now=now):
                self._feedback.tell_arrivals(streams, now)
            if streams.owing:
                self._events += self._feedback.due(streams, now)
            if streams.probe.wanted_bps:
                self._repair.probe(streams, now)
            if is_new_second:
                streams.packets_in = streams.bytes_in = streams.rtcp_in = 0
                self._feedback.each_second(streams, now)

    def take_events(self) -> list[EngineEvent]:
        """Hand over what happened since the last call."""
        events, self._events = self._events, []
        if self._now < self._tell_heard_at:
            return events
        self._tell_heard_at = self._now + HEARD_EVERY_S
        for streams in self._peers.values():
            if streams.heard_at > streams.heard_told_at:
                streams.heard_told_at = streams.heard_at
                events.append(Authenticated(peer=streams.key, at=streams.heard_at))
        return events

    def counters(self) -> dict[str, int]:
        """Counts since boot by name."""
        return {count.name.lower(): self._counts[count] for count in Count}

    def close_peer(self, peer: PeerKey) -> None:
        """Forget a peer: not one packet flows to or from it afterwards, not even a resend.

        Its own streams end with a BYE each, while the path and the keys are still there.
        """
        streams = self._peers.get(peer)
        if streams is None:
            return
        self._feedback.say_bye(streams)
        self.set_path(peer, frozenset(), None)
        del self._peers[peer]
        for mid, slots in list(streams.routes.items()):
            for slot in list(slots):
                streams.detach(mid, slot)
        for slot in streams.slots.values():
            self._leave(slot)

    def _is_one_too_many(self, streams: PeerStreams, ssrc: int) -> bool:
        """Bound their number: libsrtp keeps state per authenticated SSRC."""
        return ssrc not in streams.ssrcs_seen and len(streams.ssrcs_seen) >= SSRCS_MAX

    def _leave(self, slot: Slot) -> None:
        """End the route of a slot, if it has one."""
        if slot.route is not None and (source := self._peers.get(slot.route[0])) is not None:
            source.detach(slot.route[1], slot)

    def _spread_again(self, slot: Slot) -> None:
        """Point the slots of its source anew, and ask for what they wait for."""
        if slot.route is not None and (source := self._peers.get(slot.route[0])) is not None:
            source.spread(slot.route[1])
            self._ask_for_starts(source, slot.route[1])

    def _settle_mutes(self, streams: PeerStreams) -> None:
        for encoding in streams.encodings.values():
            is_muted = streams.drops(encoding.publication.mid)
            if encoding.is_muted is is_muted:
                continue
            encoding.is_muted = is_muted
            encoding.hold_slots()
            encoding.forget_debts()  # nothing is owed while muted
            if encoding.is_video and encoding.waiting and not is_muted:
                encoding.need_key_frame(self._now)

    def _ask_for_starts(self, streams: PeerStreams, mid: str) -> None:
        """Ask for a key frame of every encoding of a section that somebody waits for."""
        for encoding in streams.live.get(mid, {}).values():
            if encoding.waiting:
                self._feedback.ask_key_frame(streams, encoding, self._now)

    def _on_unknown(self, streams: PeerStreams, ssrc: int, packet: bytes, now: float) -> None:
        """The cold path: a stream seen for the first time, or a retransmission."""
        streams.ssrcs_seen.add(ssrc)
        if streams.twcc_id is not None and (at := number_position(packet, streams.twcc_id)):
            streams.arrived_numbers.append(packet[at + 1] << 8 | packet[at + 2])
            streams.arrived_at.append(now)
        if ssrc not in streams.rtx:
            encoding = self._bind(streams, ssrc, packet)
            if encoding is not None:
                take = self._forwarder.on_muted if encoding.is_muted else self._on_rtp
                take(encoding, packet, now)
                return
        repeated = streams.rtx.get(ssrc)
        if repeated is None:
            self._counts[Count.UNBOUND] += 1
            return
        self._counts[Count.RTX_IN] += 1
        original = unwrapped_rtx(packet, repeated.rtx_to_primary, repeated.ssrc)
        if original is None:
            self._counts[Count.RTX_EMPTY] += 1
        elif not repeated.is_muted:
            self._on_rtp(repeated, original, now, is_repair=True)

    def _bind(self, streams: PeerStreams, ssrc: int, packet: bytes) -> Encoding | None:
        """Give a new SSRC to a section: declared in the offer, else named by the packet."""
        found = bind(streams, ssrc, packet)
        if found is None:
            return None
        encoding, is_first = found
        if is_first:
            self._events.append(PublicationBound(publication=encoding.publication))
        if not encoding.is_muted:
            self._ask_for_starts(streams, encoding.publication.mid)
        return encoding
