"""Floor 5, engine: asks attribute sources on behalf of an event loop."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

from abac.engine.answers import Answer, Ask
from abac.engine.clock import Clock
from abac.engine.fetching import Fetches, Flight, told

_flying: set[asyncio.Task[None]] = set()
"""Event loops hold on to their tasks only weakly."""


async def answers(fetches: Fetches, asks: Sequence[Ask], at: dt.datetime, clock: Clock, private: bool) -> list[Answer]:
    """`Fetches.all` for an event loop. Whoever is cancelled while waiting leaves the flight to those who wait with it."""
    boarded = [fetches.board(ask, at, clock, private) for ask in asks]
    for ask, (found, is_mine) in zip(asks, boarded, strict=True):
        if not is_mine or not isinstance(found, Flight):
            continue
        if ask.line.is_async:
            task = asyncio.create_task(_fly(fetches, ask, found, at, clock))
            _flying.add(task)
            task.add_done_callback(_flying.discard)
        else:
            fetches.take_off(ask, found, at, clock)
    return [
        found if isinstance(found, Answer) else await _landed(fetches, ask, found) for ask, (found, _) in zip(asks, boarded, strict=True)
    ]


async def _fly(fetches: Fetches, ask: Ask, flight: Flight, at: dt.datetime, clock: Clock) -> None:
    try:
        async with asyncio.timeout(flight.left):
            got = await ask.line.supply.source.fetch(ask.entity, ask.line.names, at)  # type: ignore[misc]  # an asynchronous source
        answer = fetches.read(ask, flight, got, clock)
    except TimeoutError as error:
        if flight.left == 0:
            fetches.give_up(ask, flight)
        else:
            fetches.crash(ask, flight, told(error))
    except Exception as error:  # a source may raise anything; what it did not tell is unknown
        fetches.crash(ask, flight, told(error))
    except BaseException:  # cancelled with its loop, or the interpreter ends
        fetches.crash(ask, flight, "it was interrupted")
        raise
    else:
        fetches.land(ask, flight, answer)


async def _landed(fetches: Fetches, ask: Ask, flight: Flight) -> Answer:
    """The answer of a flight, waited for no longer than its deadline; `wait` cancels nothing."""
    if not flight.future.done():
        await asyncio.wait((asyncio.wrap_future(flight.future),), timeout=flight.left)
    if not flight.future.done():
        fetches.give_up(ask, flight)
    return flight.future.result()
