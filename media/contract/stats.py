"""How a participant's media fares: words people are shown, numbers operators are.

Units stand in the names.  Nothing here names a person or an address.
"""

from enum import StrEnum

from msgspec import Struct


class Link(StrEnum):
    """A connection in one word."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    LOST = "lost"
    """Nothing authenticated arrived for three seconds."""


class Rung(StrEnum):
    """How much of a call a participant gets."""

    VIDEO = "video"
    LOW_VIDEO = "low_video"
    AUDIO_ONLY = "audio_only"
    PHONE_OFFERED = "phone_offered"
    """Fifteen seconds without media."""


class RungCause(StrEnum):
    """Why it is no more."""

    NONE = "none"
    OWN_CONNECTION = "own_connection"
    """The participant's downlink carries no more."""
    SENDERS = "senders"
    """What others send does not arrive here in full."""
    NO_MEDIA = "no_media"
    """Nothing comes from this participant."""


class SlotLayer(Struct, frozen=True, kw_only=True):
    """What fills one receive section."""

    mid: str
    rank: int
    """0 is the smallest encoding; -1: nothing flows."""
    reason: str
    """Of `media.core.allocator.Reason`; empty for sound."""


class PeerStats(Struct, frozen=True, kw_only=True):
    """One second of one participant, seen from the media node."""

    loss_up_percent: float
    loss_down_percent: float
    jitter_ms: float
    rtt_ms: float
    queue_ms: float
    bits_in_per_s: int
    bits_out_per_s: int
    estimate_bits_per_s: int
    asked_again: int
    """Packets the participant missed and asked for."""
    sent_again: int
    key_frames_asked: int
    waiting_for_key_frame: int
    """Slots that show nothing new until a key frame comes: a freeze, or about to be one."""
    slots: tuple[SlotLayer, ...]
