"""A background task is ended for certain, even by way of a library that drops a cancellation."""

import asyncio

from signaling.shell.tasks import end


async def deaf(times: int, heard: list[None]) -> None:
    """Run on through as many cancellations, as a task inside a Redis call may."""
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            heard.append(None)
            if len(heard) > times:
                raise


async def test_a_task_that_drops_cancellations_is_ended() -> None:
    heard: list[None] = []
    task = asyncio.create_task(deaf(2, heard))
    await asyncio.sleep(0)

    await end([task])

    assert task.cancelled()
    assert len(heard) == 3


async def test_a_task_that_fails_while_it_ends_does_not_stop_the_others() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            raise ValueError

    tasks = [asyncio.create_task(failing()), asyncio.create_task(deaf(1, []))]
    await asyncio.sleep(0)

    await end(tasks)

    assert isinstance(tasks[0].exception(), ValueError)
    assert tasks[1].cancelled()


async def test_ended_tasks_need_nothing() -> None:
    await end([])
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    await end([task])

    assert not task.cancelled()
