"""Reception statistics of an inbound stream, clocks of an outbound one, round trips.  Pure.

Source:
    RFC 3550 section 6.4.1 and appendices A.3 (loss) and A.8 (jitter).
"""

from typing import Final

from media.core.rtcp import ReceptionBlock, SenderReport
from media.core.sequence import SEQ_MOD, TS_HALF, TS_MOD

NTP_SECOND: Final = 1 << 32
REPORTS_REMEMBERED: Final = 64
"""Two seconds of a full room: 11 audio and 12 video slots report each second."""
_MIDDLE: Final = 0xFFFF_FFFF
_HALF: Final = 1 << 31


def middle(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time, as LSR carries them."""
    return ntp >> 16 & _MIDDLE


class Reception:
    """What we received of one encoding on this hop."""

    def __init__(self, *, ssrc: int, clock_rate_hz: int) -> None:
        self._ssrc = ssrc
        self.clock_rate_hz = clock_rate_hz
        self._first = -1
        self.highest = -1
        self.received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._transit: int | None = None
        self.last_sr: SenderReport | None = None
        self.last_sr_at = 0.0

    @property
    def expected(self) -> int:
        """How many packets there were, as far as the numbers tell."""
        return self.highest - self._first + 1 if self._first >= 0 else 0

    @property
    def jitter_s(self) -> float:
        """Interarrival jitter."""
        return self._jitter / self.clock_rate_hz

    def on_packet(self, extended_seq: int, timestamp: int, *, now: float) -> None:
        """Count a packet."""
        if extended_seq > self.highest:  # noqa: PLR1730  (a call costs more, each packet)
            self.highest = extended_seq
        self.received += 1
        transit = int(now * self.clock_rate_hz) - timestamp & _MIDDLE
        before = self._transit
        self._transit = transit
        if before is None:
            self._first = extended_seq if self._first < 0 else self._first
            return
        apart = transit - before & _MIDDLE
        if apart > _HALF:
            apart = _MIDDLE + 1 - apart
        self._jitter += (apart - self._jitter) / 16

    def on_repair(self, extended_seq: int) -> None:
        """Note a packet sent again at our request: on this hop it counts as lost."""
        self.highest = max(self.highest, extended_seq)
        if self._first < 0:
            self._first = extended_seq

    def on_sender_report(self, report: SenderReport, *, now: float) -> None:
        """Remember the sender's clock."""
        self.last_sr, self.last_sr_at = report, now

    def block(self, *, now: float) -> ReceptionBlock:
        """Return what to report now; the fraction is of the time since the last call."""
        expected = self.highest - self._first + 1
        expected_now = expected - self._expected_before
        lost_now = expected_now - (self.received - self._received_before)
        self._expected_before, self._received_before = expected, self.received
        fraction = 0 if expected_now <= 0 else max(0, lost_now) * 256 // expected_now
        last, delay = 0, 0
        if self.last_sr is not None:
            last = middle(self.last_sr.ntp)
            delay = int((now - self.last_sr_at) * 65_536)
        return ReceptionBlock(
            ssrc=self._ssrc,
            fraction_lost=min(fraction, 255),
            total_lost=expected - self.received,
            highest=self.highest - SEQ_MOD,  # `extend` begins in the second cycle
            jitter_ticks=int(self._jitter),
            last_sr=last,
            delay_since_sr=delay,
        )

    def clock_at(self, *, now: float) -> tuple[int, int] | None:
        """Return the sender's NTP time and RTP timestamp at `now`; None before its first SR.

        Audio and video of one sender share its NTP clock, so passing it on keeps lips in sync.
        """
        if self.last_sr is None:
            return None
        passed = now - self.last_sr_at
        ntp = self.last_sr.ntp + int(passed * NTP_SECOND)
        return ntp, self.last_sr.rtp_ts + int(passed * self.clock_rate_hz)


def aligned(before: Reception, after: Reception, timestamp: int) -> int | None:
    """Return the timestamp one stream gives the instant another one calls `timestamp`.

    Both of one sender, whose reports tie each to the same clock; None before both have come.
    """
    if before.last_sr is None or after.last_sr is None:
        return None
    rate_hz = before.clock_rate_hz
    ticks = (timestamp - after.last_sr.rtp_ts + TS_HALF) % TS_MOD - TS_HALF
    apart = (after.last_sr.ntp - before.last_sr.ntp) * rate_hz // NTP_SECOND
    return (before.last_sr.rtp_ts + ticks + apart) % TS_MOD


class RoundTrips:
    """Round-trip time of one peer, from the reports it sends on ours."""

    def __init__(self) -> None:
        self.rtt_s = 0.1
        self._sent: dict[int, float] = {}

    def on_report_sent(self, ntp: int, *, now: float) -> None:
        """Remember when an SR left."""
        self._sent[middle(ntp)] = now
        while len(self._sent) > REPORTS_REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def on_block(self, last_sr: int, delay_since_sr: int, *, now: float) -> None:
        """Take a report block that answers one of our SRs."""
        sent_at = self._sent.get(last_sr)
        if sent_at is not None:
            self.rtt_s = max(0.0, now - sent_at - delay_since_sr / 65_536)
