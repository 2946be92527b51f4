"""One lab a test: a signaling node, a media node and a Redis-protocol server of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.redis import RedisServer
from tests.support.signaling_lab import SignalingLab, signaling_lab


@pytest.fixture
async def lab(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[SignalingLab]:
    async with signaling_lab(redis_server, tmp_path / "spool") as made:
        yield made
