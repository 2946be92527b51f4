"""What a participant is told once there is a peer for it at the media node."""

from typing import Final

from signaling.contract.messages import Admitted, MediaMove, MediaRebuild
from signaling.core.media_wish import Opening
from signaling.shell.means import Means
from signaling.shell.metrics import Count
from signaling.shell.peer import Peer
from signaling.shell.scripts import SEATS_MAX

REBUILD_SPREAD_MS: Final = 1_000


def opening_told(
    peer: Peer, room_epoch: int, how: Opening, *, within_s: float, means: Means
) -> Admitted | MediaRebuild | MediaMove:
    """Write the message; a client that cannot hold two connections builds anew instead of moving.

    Args:
        peer: Its socket.
        room_epoch: Of the place.
        how: How it comes by the peer.
        within_s: For a move, the seconds after which the place before is over at the latest.
        means: Relays, counters and chance.
    """
    relays = means.relays.for_participant(peer.participant_id)
    if how is Opening.FIRST:
        return Admitted(room_epoch=room_epoch, ice_servers=relays, slots_max=SEATS_MAX)
    if how is Opening.MOVE and peer.session.can_move:
        means.metrics.count(Count.MEDIA_MOVES, "planned")
        ends_in_ms = int(within_s * 1_000)
        return MediaMove(room_epoch=room_epoch, ends_in_ms=ends_in_ms, ice_servers=relays)
    means.metrics.count(Count.MEDIA_MOVES, "rebuild")
    return MediaRebuild(
        room_epoch=room_epoch,
        cause="media_lost",
        retry_after_ms=int(REBUILD_SPREAD_MS * means.jitter()),
        ice_servers=relays,
    )
