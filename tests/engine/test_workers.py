"""Threads for attribute sources: as many as are needed, never more than allowed, and none that holds up the rest or the exit."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from abac.engine import workers
from abac.engine.workers import Workers


def submitted(pool: Workers, call: Callable[[], None]) -> Future[None]:
    future = pool.submit(call)
    assert future is not None
    return future


def test_what_is_submitted_is_called_and_what_it_raises_is_told() -> None:
    pool, seen = Workers("here", 2), list[int]()
    submitted(pool, lambda: seen.append(1)).result(5)
    with pytest.raises(ZeroDivisionError):
        submitted(pool, lambda: print(1 // 0)).result(5)
    submitted(pool, lambda: seen.append(2)).result(5)
    assert seen == [1, 2]


def test_a_call_that_hangs_leaves_the_other_threads_free() -> None:
    pool, stop = Workers("here", 3), threading.Event()
    hanging = [submitted(pool, lambda: stop.wait(30) and None) for _ in range(2)]
    for _ in range(50):
        submitted(pool, lambda: None).result(5)
    assert not any(each.done() for each in hanging)
    stop.set()


def test_no_more_calls_run_at_once_than_are_allowed() -> None:
    pool, lock, running, most = Workers("here", 3), threading.Lock(), [0], [0]

    def call() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.002)
        with lock:
            running[0] -= 1

    for future in [submitted(pool, call) for _ in range(60)]:
        future.result(5)
    assert most[0] == 3


def test_a_job_is_never_left_to_a_thread_that_another_job_has_taken() -> None:
    """Jobs handed in while threads come and go: with one thread fewer than jobs that hang, a lost one would wait for ever."""
    for _ in range(200):
        pool, stop = Workers("here", 4), threading.Event()
        quick = [submitted(pool, lambda: None) for _ in range(2)]
        hanging = [submitted(pool, lambda stop=stop: stop.wait(30) and None) for _ in range(3)]  # type: ignore[misc]
        submitted(pool, lambda: None).result(5)
        stop.set()
        for future in (*quick, *hanging):
            future.result(5)


def test_what_was_cancelled_before_its_turn_is_not_called() -> None:
    pool, stop, seen = Workers("here", 1), threading.Event(), list[str]()
    first = submitted(pool, lambda: stop.wait(30) and None)
    second = submitted(pool, lambda: seen.append("cancelled"))
    assert second.cancel()
    stop.set()
    first.result(5)
    submitted(pool, lambda: seen.append("third")).result(5)
    assert seen == ["third"]


def test_nothing_is_taken_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MAX_WAITING", 2)
    pool, stop, begun = Workers("here", 1), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        stop.wait(30)

    submitted(pool, hang)
    assert begun.wait(5)
    assert [pool.submit(lambda: None) is None for _ in range(4)] == [False, False, True, True]
    stop.set()


def test_threads_end_when_there_is_nothing_to_do_and_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.01)
    pool = Workers("idle", 2)
    submitted(pool, lambda: None).result(5)
    deadline = time.monotonic() + 5
    while any(thread.name == "abac idle" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    submitted(pool, lambda: None).result(5)


def test_a_call_that_hangs_does_not_hold_up_the_exit() -> None:
    program = "import threading\nfrom abac.engine.workers import Workers\nWorkers('x', 1).submit(lambda: threading.Event().wait())"
    done = subprocess.run([sys.executable, "-c", program], timeout=20, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
