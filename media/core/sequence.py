"""Serial arithmetic over 16-bit numbers.  Pure.

Source:
    RFC 1982 section 3 for the comparison, RFC 3550 appendix A.1 for extending a sequence number.
"""

from typing import Final

SEQ_MOD: Final = 1 << 16
SEQ_HALF: Final = 1 << 15
TS_MOD: Final = 1 << 32
TS_HALF: Final = 1 << 31


def extend(seq: int, highest: int) -> int:
    """Return the 64-bit number of `seq` that lies nearest to `highest`.

    Args:
        seq: 0..65535, from a packet.
        highest: The extended number to stay near; -1 before the first packet.
    """
    if highest < 0:
        return seq + SEQ_MOD
    delta = (seq - highest) & (SEQ_MOD - 1)
    return highest + delta - (SEQ_MOD if delta >= SEQ_HALF else 0)
