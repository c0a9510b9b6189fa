"""Floor 2, language: the garbage collector, paused while large trees are made, and what is compiled of them.

These have no cycles to speak of and are kept, so nothing is there to collect; but the collector walks all of it again and again while it
grows.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses = 0
_was_running = False


@contextmanager
def collector_paused() -> Iterator[None]:
    """The collector rests inside, and is afterwards as it was before, whatever happens. Pauses may overlap: the last one ends it."""
    global _pauses, _was_running
    with _lock:
        if _pauses == 0:
            _was_running = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if _pauses == 0 and _was_running:
                gc.enable()
