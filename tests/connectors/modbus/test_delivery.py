"""Handing over without a task."""

import asyncio

import pytest

from connectors.modbus.delivery import delivered


async def test_what_needs_no_waiting_is_done_at_once():
    """A coroutine that does not wait has run when the call returns."""
    done = []

    async def quick():
        done.append(1)

    assert delivered(quick()) is None
    assert done == [1]


async def test_what_waits_goes_on_where_it_stood():
    """The rest is awaited by a task, through several waits."""
    done = []
    first = asyncio.Event()

    async def slow():
        done.append(1)
        await first.wait()
        done.append(2)
        await asyncio.sleep(0.001)
        done.append(3)

    rest = delivered(slow())
    assert rest is not None
    assert done == [1]
    asyncio.get_running_loop().call_soon(first.set)
    await rest

    assert done == [1, 2, 3]


async def test_what_fails_is_raised_where_it_fails():
    """An error at once is raised at once, a later one where the rest is awaited; a cancellation goes through."""

    async def fails(*, later):
        if later:
            await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        delivered(fails(later=False))
    rest = delivered(fails(later=True))
    assert rest is not None
    with pytest.raises(ZeroDivisionError):
        await rest


async def test_a_rest_can_be_cancelled():
    """A task that awaits a rest for ever ends when it is cancelled."""

    async def forever():
        await asyncio.Event().wait()

    rest = delivered(forever())
    assert rest is not None
    task = asyncio.create_task(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
