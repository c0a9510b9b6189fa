"""Floor 2, language: the built-in functions, one row each: what they take, what they give, what they mean.

Functions are strict: an unknown argument makes the result unknown. Collections may hold unknown elements.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from abac.language.library import times
from abac.model.scalars import read_scalar
from abac.model.types import BOOL, DATE, INT, IP_ADDRESS, IP_NETWORK, LOCAL_TIME, STRING, TIME_OF_DAY, ListOf, SetOf, Type, base
from abac.model.values import CauseKind, EntityValue, ListValue, RecordValue, SetValue, Unknown, Value, canonical_key, is_known


@dataclass(frozen=True, slots=True)
class Function:
    """A built-in function.

    Attributes:
        parameters: what to write, for messages and documentation: `text: String`.
        result: the type for argument types, or None if they do not fit.
        meaning: from known argument values to a value, a cause of unknown, or an unknown element.
        literal_only: arguments must be string literals, so that a mistake is found when the policy is loaded.
        changes: of an argument that runs with the clock: a bound on when the result next changes.
    """

    name: str
    parameters: tuple[str, ...]
    result: Callable[[tuple[Type, ...]], Type | None]
    meaning: Callable[..., Value | CauseKind | Unknown]
    summary: str
    literal_only: bool = False
    changes: Callable[..., dt.datetime] | None = None


def _takes(*expected: Type, gives: Type) -> Callable[[tuple[Type, ...]], Type | None]:
    return lambda actual: gives if tuple(base(t) for t in actual) == expected else None


def _element_of_list(actual: tuple[Type, ...]) -> Type | None:
    return actual[0].element if len(actual) == 1 and isinstance(actual[0], ListOf) else None


def _collection(actual: tuple[Type, ...]) -> Type | None:
    return INT if len(actual) == 1 and isinstance(actual[0], ListOf | SetOf) else None


def final(elements: ListValue) -> Value | CauseKind | Unknown:
    return elements.elements[-1] if elements.elements else CauseKind.MISSING


def count(elements: ListValue | SetValue) -> Value | CauseKind | Unknown:
    """Equal elements of a set count once: objects that stand for one entity with different attributes are one."""
    if isinstance(elements, ListValue):
        return len(elements.elements)
    if not is_known(elements):
        return Unknown.union(unknown_parts(elements))
    return len({canonical_key(element) for element in elements.elements})


def unknown_parts(value: object) -> list[Unknown]:
    """The unknowns inside a value."""
    if isinstance(value, Unknown):
        return [value]
    if isinstance(value, ListValue | SetValue):
        return [u for e in value.elements for u in unknown_parts(e)]
    if isinstance(value, EntityValue):
        return unknown_parts(value.key)
    if isinstance(value, RecordValue):
        return [u for f in value.fields.values() for u in unknown_parts(f)]
    return []


_TEXT = _takes(STRING, gives=STRING)
_TEXTS = ("text: String", "part: String")


def _boolean(*expected: Type) -> Callable[[tuple[Type, ...]], Type | None]:
    return _takes(*expected, gives=BOOL)


FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("final", ("list: List<T>",), _element_of_list, final, "the last element; unknown if there is none"),
        Function("count", ("collection: Set<T> | List<T>",), _collection, count, "how many elements; unknown for a set with unknown ones"),
        Function("length", ("text: String",), _takes(STRING, gives=INT), len, "characters in a string"),
        Function("lower", ("text: String",), _TEXT, str.lower, "in lower case, by Unicode's table"),
        Function("upper", ("text: String",), _TEXT, str.upper, "in upper case, by Unicode's table"),
        Function("starts_with", _TEXTS, _boolean(STRING, STRING), str.startswith, "whether the text begins with the part"),
        Function("ends_with", _TEXTS, _boolean(STRING, STRING), str.endswith, "whether the text ends with the part"),
        Function("contains", _TEXTS, _boolean(STRING, STRING), str.__contains__, "whether the part stands anywhere in the text"),
        Function(
            "weekday", ("local: LocalTime",), _takes(LOCAL_TIME, gives=times.WEEKDAY), times.weekday, "monday < … < sunday",
            changes=times.next_jump,
        ),
        Function("date", ("local: LocalTime",), _takes(LOCAL_TIME, gives=DATE), times.date, "the local date", changes=times.next_jump),
        Function(
            "time_of_day", ("local: LocalTime",), _takes(LOCAL_TIME, gives=TIME_OF_DAY), times.time_of_day, "the local time of day"
        ),
        Function(
            "address", ("text: a string literal",), _takes(STRING, gives=IP_ADDRESS), lambda text: read_scalar(text, IP_ADDRESS),
            "an IP address", literal_only=True,
        ),
        Function(
            "network", ("text: a string literal",), _takes(STRING, gives=IP_NETWORK), lambda text: read_scalar(text, IP_NETWORK),
            "an IP network such as 10.0.0.0/8", literal_only=True,
        ),
    )
}  # fmt: skip
