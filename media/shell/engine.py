"""The reference engine: SRTP by pylibsrtp, forwarding in Python; implements `engine_face.Engine`.

The only importer of pylibsrtp, whose calls raise `TypeError` unless given bytes, `ValueError`
beyond their buffer and `Error` for everything else: all three are caught per packet and counted.
Order of guards: source, rate, number of SSRCs, authenticity; only then does state change.

For its callers: `open_peer`, then `set_facts`, `set_keys` and `set_path` in any order and as
often as there is news; `take_events` after each `on_tick`; `close_peer` ends everything at once.
A verb for a peer that is closed already does nothing.
"""

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pylibsrtp import Error, Policy, Session

from media.core.engine_face import (
    Addr,
    Authenticated,
    EngineEvent,
    PeerKey,
    PublicationBound,
    PublicationKey,
    ReceiveFacts,
    ReceiveSection,
    RouteEdit,
    SrtpKeys,
    SrtpProfile,
)
from media.core.packets import extension_layout, payload_offset, unwrapped_rtx
from media.shell.counts import Count
from media.shell.feedback import Feedback
from media.shell.forwarder import Forwarder
from media.shell.streams import Encoding, PeerStreams, Slot

SSRCS_MAX: Final = 64
ENCODINGS_MAX: Final = 24
PACKETS_A_SECOND: Final = 3_000
BYTES_A_SECOND: Final = 1_500_000
RTCP_A_SECOND: Final = 100
REPLAY_WINDOW: Final = 1_024

_DRAW: Final = partial(secrets.randbits, 32)
_PROFILES: Final = {
    SrtpProfile.AES128_CM_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    SrtpProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
_REFUSED_BY_SRTP: Final = (Error, ValueError, TypeError)
_NOT_SENT: Final = (*_REFUSED_BY_SRTP, OSError)
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
        self._feedback = Feedback(sendto, self._forwarder, _NOT_SENT)
        self._counts = self._forwarder.counts
        self._on_rtp = self._forwarder.on_rtp
        self._second_from = float("-inf")
        self._now = 0.0

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
        inbound = srtp_session(keys.rx_key, keys.profile, is_outbound=False)
        outbound = srtp_session(keys.tx_key, keys.profile, is_outbound=True)
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
        streams = self._peers.get(publication.peer)
        if streams is None:
            return
        if is_muted:
            streams.muted_mids.add(publication.mid)
        else:
            streams.muted_mids.discard(publication.mid)
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
            if not is_paused and slot.source is not None and slot.source.is_video:
                slot.hold()
                slot.source.gate.keep(now=self._now)

    def _settle_mutes(self, streams: PeerStreams) -> None:
        for encoding in streams.encodings.values():
            is_muted = streams.drops(encoding.publication.mid)
            if encoding.is_muted is is_muted:
                continue
            encoding.is_muted = is_muted
            encoding.hold_slots()
            encoding.loss.forget()
            encoding.gate.on_key_frame()  # nothing is owed while muted
            if encoding.is_video and encoding.slots and not is_muted:
                encoding.gate.keep(now=self._now)

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
            source.attach(mid, slot)
            live = source.live.get(mid)
            if live is not None:
                self._feedback.ask_key_frame(source, live, now)

    def on_srtp(self, addr: Addr, data: bytes, now: float) -> None:
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
        except _REFUSED_BY_SRTP:
            counts[Count.NOT_AUTHENTIC] += 1
            return
        streams.heard_at = now
        counts[_PACKETS_IN] += 1
        if encoding is None:
            self._on_unknown(streams, ssrc, packet, now)
        elif encoding.is_muted:
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
        except _REFUSED_BY_SRTP:
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
            self._events += self._feedback.due(streams, now)
            if is_new_second:
                streams.packets_in = streams.bytes_in = streams.rtcp_in = 0
                self._feedback.each_second(streams, now)

    def take_events(self) -> list[EngineEvent]:
        """Hand over what happened since the last call."""
        events, self._events = self._events, []
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
        streams = self._peers.pop(peer, None)
        if streams is None:
            return
        self._feedback.say_bye(streams)
        for addr in streams.valid:
            if self._by_addr.get(addr) is streams:
                del self._by_addr[addr]
        streams.valid, streams.path = frozenset(), None
        streams.settle_path()
        for mid, slots in list(streams.routes.items()):
            for slot in list(slots):
                streams.detach(mid, slot)
        for slot in streams.slots.values():
            if slot.route is not None:
                source, mid = slot.route
                source.detach(mid, slot)

    def _is_one_too_many(self, streams: PeerStreams, ssrc: int) -> bool:
        """Bound their number: libsrtp keeps state per authenticated SSRC."""
        return ssrc not in streams.ssrcs_seen and len(streams.ssrcs_seen) >= SSRCS_MAX

    def _on_unknown(self, streams: PeerStreams, ssrc: int, packet: bytes, now: float) -> None:
        """The cold path: a stream seen for the first time, or a retransmission."""
        streams.ssrcs_seen.add(ssrc)
        if ssrc not in streams.rtx:
            encoding = self._bind(streams, ssrc, packet, now)
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

    def _bind(self, streams: PeerStreams, ssrc: int, packet: bytes, now: float) -> Encoding | None:
        """Give a new SSRC to a section: declared in the offer, else named by the mid extension.

        Source: RFC 8843 section 9.2, RFC 9143.
        """
        section = _section_of(streams, ssrc, packet)
        if section is None:
            return None
        names = {codec.payload_type: codec.name for codec in section.codecs}
        name = names.get(packet[1] & 0x7F)
        if name == "rtx":
            self._bind_rtx(streams, section, ssrc)
            return None
        if name is None or len(streams.encodings) >= ENCODINGS_MAX:
            return None
        encoding = Encoding(streams.key, section, ssrc)
        encoding.is_muted = streams.drops(section.mid)
        if not streams.bring_live(encoding):
            return None
        streams.encodings[ssrc] = encoding
        self._events.append(PublicationBound(publication=encoding.publication))
        if encoding.slots and not encoding.is_muted:
            self._feedback.ask_key_frame(streams, encoding, now)
        return encoding

    def _bind_rtx(self, streams: PeerStreams, section: ReceiveSection, ssrc: int) -> None:
        """Bind a retransmission stream to the stream it repeats, once that is there."""
        repaired = streams.live.get(section.mid)
        if ssrc in section.rtx_ssrcs:
            repaired = streams.encodings.get(section.ssrcs[section.rtx_ssrcs.index(ssrc)])
        if repaired is not None:
            streams.rtx[ssrc] = repaired


def srtp_session(key: bytes, profile: SrtpProfile, *, is_outbound: bool) -> Session:
    """Make a libsrtp session of one direction; the benchmark and tests make theirs here too."""
    policy = Policy(
        key=key,
        ssrc_type=Policy.SSRC_ANY_OUTBOUND if is_outbound else Policy.SSRC_ANY_INBOUND,
        srtp_profile=_PROFILES[profile],
    )
    policy.window_size = REPLAY_WINDOW
    policy.allow_repeat_tx = is_outbound  # a NACK without RTX is answered by the same packet
    return Session(policy=policy)


def _section_of(streams: PeerStreams, ssrc: int, packet: bytes) -> ReceiveSection | None:
    sections = streams.sections
    for section in sections.values():
        if ssrc in section.ssrcs or ssrc in section.rtx_ssrcs:
            return section
    if payload_offset(packet) < 0:
        return None
    layout = extension_layout(packet)
    for section in sections.values():
        mid_at, mid_bytes = layout.get(section.extensions.mid or 0, (0, 0))
        if packet[mid_at : mid_at + mid_bytes] == section.mid.encode() and mid_at:
            rid_at, rid_bytes = layout.get(section.extensions.rid or 0, (0, 0))
            rid = packet[rid_at : rid_at + rid_bytes].decode("latin-1")
            is_ours = not rid_at or not section.rids or rid in section.rids
            return section if is_ours else None
    return None
