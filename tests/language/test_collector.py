"""The garbage collector rests while a tree is made, and is afterwards as it was before."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from abac.language.collector import collector_paused
from abac.language.parser import parse_with_errors
from abac.model.source import Source

MANY = "package p\npolicy q: deny-overrides {\n" + "".join(f"permit r{i} when a.b == {i}\n" for i in range(2_000)) + "}\n"


@pytest.fixture(autouse=True)
def collector_runs() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_the_collector_rests_while_a_policy_is_parsed() -> None:
    ran: list[bool] = []

    class Text(str):
        """A text that looks how the collector does when it is read."""

        def isascii(self) -> bool:
            ran.append(gc.isenabled())
            return super().isascii()

    parse_with_errors(Source("text", Text(MANY)))
    assert ran == [False] and gc.isenabled()


def test_it_runs_again_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), collector_paused():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()


def test_who_had_stopped_it_finds_it_stopped() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


def test_pauses_that_overlap_end_with_the_last() -> None:
    entered, may_leave = threading.Event(), threading.Event()

    def other() -> None:
        with collector_paused():
            entered.set()
            may_leave.wait(10)

    thread = threading.Thread(target=other)
    with collector_paused():
        thread.start()
        assert entered.wait(10)
    assert not gc.isenabled()
    may_leave.set()
    thread.join(10)
    assert gc.isenabled()
