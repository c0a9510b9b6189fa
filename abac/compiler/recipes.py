"""Floor 4, compiler: functions that are made at run time, and know how: what was compiled can be kept, and they are made again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def recipe(make: F) -> F:
    """What the function makes, a function too, says in `made_by` by which function it was made (module and name) and of what."""

    @wraps(make)
    def recorded(*operands: Any) -> Any:
        return _noted(make(*operands), make, operands)

    return recorded  # type: ignore[return-value]  # of the same signature


def made(make: Callable[..., Any], *operands: Any) -> Any:
    """The same for one call of a function that makes others."""
    return _noted(make(*operands), make, operands)


def _noted(result: Any, make: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    with suppress(AttributeError):  # a method of a built-in object, which can be kept as it is
        result.made_by = (make.__module__, make.__qualname__, operands)
    return result
