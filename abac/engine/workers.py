"""Floor 5, engine: threads on which attribute sources are asked, so that one that hangs holds up nobody else.

`concurrent.futures` has such threads too, but waits for all of them before the interpreter may exit, however long they hang.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue

from abac.model.limits import MAX_WAITING

IDLE_SECONDS = 10.0
"""A thread with nothing to do for so long ends; another is started when there is."""

Job = tuple["Future[None]", Callable[[], None]]


class Workers:
    """At most so many daemon threads, started when they are needed."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        # Invariant: never more than the threads that wait, less the jobs that wait. Fewer do no harm but to start a thread too many.
        self._idle = 0

    def submit(self, call: Callable[[], None]) -> Future[None] | None:
        """Have it called on a thread; None if too much is waiting already. Where the future is cancelled in time nothing is called."""
        future: Future[None] = Future()
        with self._lock:
            if self._jobs.qsize() >= MAX_WAITING:
                return None
            self._jobs.put((future, call))
            if self._idle:
                self._idle -= 1
                return future
            if self._threads >= self._most:
                return future
            self._threads += 1
        threading.Thread(target=self._work, name=f"abac {self._name}", daemon=True).start()
        return future

    def _work(self) -> None:
        while (job := self._next()) is not None:
            future, call = job
            if future.set_running_or_notify_cancel():
                try:
                    call()
                except BaseException as error:  # whoever waits is told; the thread goes on
                    future.set_exception(error)
                else:
                    future.set_result(None)
            del job, future, call  # while it waits, a thread holds on to nothing

    def _next(self) -> Job | None:
        with self._lock:
            with suppress(Empty):
                return self._jobs.get_nowait()
            self._idle += 1
        while True:
            with suppress(Empty):
                return self._jobs.get(timeout=IDLE_SECONDS)
            with self._lock:
                if self._jobs.empty():
                    self._idle = max(0, self._idle - 1)
                    self._threads -= 1
                    return None
