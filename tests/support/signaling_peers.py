"""Seats, frames and welcomes as a signaling node would make them; every value is invented."""

import json

from signaling.contract.ids import ParticipantId, RoomId
from signaling.contract.messages import Limits, RoomSnapshot, SeatState, Welcome
from signaling.core.seats import Seat

ROOM_ID = RoomId("018f0000-0000-7000-8000-000000000001")
TICKET = "invented.join.ticket"


def seat(
    name: str,
    *,
    state: SeatState = SeatState.ACTIVE,
    may_admit: bool = False,
    attach_epoch: int = 1,
) -> Seat:
    """Return a seat; whoever may admit is the provider."""
    role = "provider" if may_admit else "patient"
    return Seat(
        participant_id=ParticipantId(name),
        role=role,
        kind=role,
        may_admit=may_admit,
        state=state,
        attach_epoch=attach_epoch,
    )


def welcome(
    *, re: int = 1, state: SeatState = SeatState.ACTIVE, may_admit: bool = False
) -> Welcome:
    """Return what a peer is told when it has its seat."""
    return Welcome(
        re=re,
        participant_id=ParticipantId("ann"),
        attach_epoch=1,
        state=state,
        may_admit=may_admit,
        seq=0,
        room=RoomSnapshot(room_id=ROOM_ID, participants=(), publications=()),
        limits=Limits(
            frame_bytes=65_536,
            sdp_bytes=49_152,
            candidates=32,
            messages_per_s=50,
            audio_slots=11,
            video_slots=11,
        ),
        ping_every_s=10,
        features=(),
    )


def frame(tag: str, request_id: int, **fields: object) -> str:
    """Return a client's text frame."""
    return json.dumps({"type": tag, "id": request_id, **fields})


def hello(request_id: int = 1, **fields: object) -> str:
    """Return a first frame."""
    return frame(
        "hello",
        request_id,
        **{
            "ticket": TICKET,
            "device_id": "device-0001",
            "client": {"name": "test", "version": "1"},
            **fields,
        },
    )


REQUESTS: dict[str, dict[str, object]] = {
    "hello": {
        "ticket": TICKET,
        "device_id": "device-0001",
        "client": {"name": "test", "version": "1"},
    },
    "take-over": {},
    "ping": {},
    "offer": {"offer_id": 2, "room_epoch": 7, "sdp": "v=0"},
    "candidate": {"offer_id": 1, "candidate": None},
    "media-state": {"offer_id": 1, "state": "failed"},
    "publish": {"source": "mic", "mid": "0"},
    "unpublish": {"publication_id": "ann.mic"},
    "mute": {"publication_id": "ann.mic", "is_muted": True},
    "subscribe": {"wants": [{"publication_id": "bob.mic"}]},
    "ack-slots": {"map_id": 1},
    "media-ready": {"room_epoch": 7},
    "admit-participant": {"participant_id": "bob"},
    "return-to-lobby": {"participant_id": "bob"},
    "remove-participant": {"participant_id": "bob", "cause": "wrong_person"},
    "leave": {},
}
"""Fields of one proper request of each type, beside `type` and `id`."""
