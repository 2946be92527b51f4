"""What the packet plane counts; the names of its metrics."""

from enum import IntEnum


class Count(IntEnum):
    """One counter each; a failed guard increments one and touches nothing else."""

    PACKETS_IN = 0
    PACKETS_OUT = 1
    BYTES_OUT = 2
    NO_KEYS = 3
    RATE = 4
    NOT_AUTHENTIC = 5
    BAD_HEADER = 6
    UNBOUND = 7
    TOO_MANY_SSRCS = 8
    MUTED = 9
    DUPLICATE = 10
    BAD_DESCRIPTOR = 11
    PADDING_ONLY = 12
    UNKNOWN_PAYLOAD = 13
    NOT_SENT = 14
    TOO_LARGE = 15
    RTX_IN = 16
    RTX_EMPTY = 17
    RTCP_IN = 18
    RTCP_BAD = 19
    RTCP_RATE = 20
    NACKS_SENT = 21
    PLIS_SENT = 22
    RESENT = 23
    RESEND_MISSED = 24
    RESEND_LIMITED = 25
    REPORTS_SENT = 26
    LATE = 27
    OVERSIZED = 28
    PROBES = 29
    LAYER_SWITCHES = 30
    TRANSPORT_FEEDBACK_IN = 31
    TRANSPORT_FEEDBACK_OUT = 32
