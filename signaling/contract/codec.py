"""Bytes to message and back: sizes, depth, array lengths, then types.

A frame is accepted whole or refused with a documented error; nothing else comes out.  Unknown
fields are ignored, so that either side may be the newer one.
"""

from typing import Any, Final, get_args

import msgspec

from signaling.contract.errors import BadMessage, UnsupportedMessage
from signaling.contract.messages import FromClient, FromServer

FRAME_BYTES_MAX: Final = 64 * 1024
FIRST_FRAME_BYTES_MAX: Final = 8 * 1024
DEPTH_MAX: Final = 8
ARRAY_ITEMS_MAX: Final = 64
REQUEST_ID_MAX: Final = 2**53 - 1

_CLIENT_TYPES: Final = {str(each.__struct_config__.tag): each for each in get_args(FromClient)}
_encoder = msgspec.json.Encoder()
_raw = msgspec.json.Decoder()
_from_server: msgspec.json.Decoder[FromServer] = msgspec.json.Decoder(FromServer)


def decode(frame: str, *, limit_bytes: int = FRAME_BYTES_MAX) -> FromClient:
    """Read one text frame of a client.

    Args:
        frame: Text of the frame.
        limit_bytes: Longest frame taken here, in bytes of UTF-8.

    Raises:
        BadMessage: Too long, too deep, no JSON object, or a field is missing or wrong.
        UnsupportedMessage: The type is not one of this protocol.
    """
    if size_of(frame) > limit_bytes:
        raise BadMessage
    try:
        value = _raw.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise BadMessage from None
    if not isinstance(value, dict):
        raise BadMessage
    re = _request_id(value)
    if not _is_shallow(value, DEPTH_MAX):
        raise BadMessage(re=re)
    return _typed(value, re)


def size_of(frame: str) -> int:
    """Return the length of a text frame in bytes of UTF-8."""
    return len(frame) if frame.isascii() else len(frame.encode(errors="replace"))


def encode(message: FromServer | FromClient) -> str:
    """Write one message as the text of a frame."""
    return _encoder.encode(message).decode()


def decode_from_server(frame: str) -> FromServer:
    """Read one text frame of a server, for clients.

    Raises:
        BadMessage: Not a message of this protocol.
    """
    try:
        return _from_server.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise BadMessage from None


def _typed(value: dict[str, Any], re: int | None) -> FromClient:
    name = value.get("type")
    if not isinstance(name, str):
        raise BadMessage(re=re)
    kind = _CLIENT_TYPES.get(name)
    if kind is None:
        raise UnsupportedMessage(re=re)
    try:
        request: FromClient = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise BadMessage(re=re) from None
    return request


def _request_id(value: dict[str, Any]) -> int | None:
    """Return the number under which to refuse, if the frame holds a proper one."""
    number = value.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 1 <= number <= REQUEST_ID_MAX else None


def _is_shallow(value: object, levels: int) -> bool:
    """Say whether no part lies deeper than `levels` and no array is too long."""
    if isinstance(value, dict):
        return levels > 0 and all(_is_shallow(each, levels - 1) for each in value.values())
    if isinstance(value, list):
        is_short = len(value) <= ARRAY_ITEMS_MAX
        return levels > 0 and is_short and all(_is_shallow(each, levels - 1) for each in value)
    return True
