"""The operator's door: a Unix socket of mode 0600 beside the node, one question, one answer.

A socket in the file system needs no token on a command line and no port; its mode is its lock.
Not here: what a room is (`hosted_room`), the wire of signaling (`control_server`).
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from media.contract.operator import (
    Answer,
    Drain,
    InspectRoom,
    NodeShown,
    NotAnswered,
    Question,
    Record,
    RoomShown,
)
from media.shell.node import Node
from media.shell.recorder import Recorder
from media.shell.room_view import shown

QUESTION_BYTES_MAX: Final = 4_096
QUESTION_LIMIT_S: Final = 2.0

_log = structlog.get_logger()
_decoder: Final = msgspec.json.Decoder(Question)


class OperatorDoor:
    """Serves one node's operator.

    Args:
        node: The node.
        recorder: Its recorder.
        drain: Begins a drain; idempotent.
        counters: The node's counters since boot.
    """

    def __init__(
        self,
        node: Node,
        *,
        recorder: Recorder,
        drain: Callable[[], None],
        counters: Callable[[], dict[str, int]],
    ) -> None:
        self._node = node
        self._recorder = recorder
        self._drain = drain
        self._counters = counters
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def open(self, path: Path) -> None:
        """Listen at `path`, replacing what a killed process left there.

        Raises:
            OSError: The folder is not ours, or the path is too long for a socket.
        """
        _remove(path)
        before = os.umask(0o177)  # the file must never be anybody's else, not for a moment
        try:
            self._server = await asyncio.start_unix_server(
                self._converse, path, limit=QUESTION_BYTES_MAX
            )
        finally:
            os.umask(before)
        self._path = path

    async def close(self) -> None:
        """Stop listening and take the file away."""
        if self._server is None or self._path is None:
            return
        self._server.close()
        await self._server.wait_closed()
        _remove(self._path)

    def answer(self, line: bytes) -> Answer:
        """Answer one question."""
        try:
            question = _decoder.decode(line)
        except msgspec.DecodeError:
            return NotAnswered(code="bad_question")
        _log.info("operator.asked", reason=str(question.__struct_config__.tag))
        match question:
            case InspectRoom(room_id=room_id):
                return self._show(room_id)
            case Drain():
                self._drain()
            case Record(is_on=is_on):
                if not self._recorder.switch(is_on=is_on):
                    return NotAnswered(code="no_record_folder")
        return NodeShown(
            rooms=self._node.rooms,
            peers=self._node.peers,
            is_draining=self._node.is_draining,
            is_recording=self._recorder.is_on,
        )

    def _show(self, room_id: str) -> Answer:
        for room in self._node.hosted_rooms():
            if room.room_id == room_id:
                return RoomShown(
                    room_id=room_id,
                    room_epoch=room.epoch,
                    is_confirmed=not room.is_fenced,
                    seats=shown(room),
                    counters={name: n for name, n in self._counters().items() if n},
                )
        return NotAnswered(code="unknown_room")

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(QUESTION_LIMIT_S):
                line = await reader.readline()
                writer.write(msgspec.json.encode(self.answer(line)) + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, OSError) as broken:
            _log.info("operator.unheard", error=type(broken).__name__)
        finally:
            writer.close()


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
