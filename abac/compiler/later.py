"""Floor 4, compiler: what is made when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """A value that is made once, by whichever thread asks first; others wait. Where making it raises, the next who asks tries again."""

    __slots__ = ("_lock", "_make", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make
        self._lock = threading.RLock()

    @classmethod
    def given(cls, value: T) -> Later[T]:
        """One that is there already."""
        made = cls(lambda: value)
        made()
        return made

    def __call__(self) -> T:
        if self._make is not None:
            with self._lock:
                if self._make is not None:
                    self._value = self._make()
                    self._make = None  # with all that making it needed
        return self._value
