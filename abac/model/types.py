"""Floor 1, model: the types of the language."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts."""

    name: str

    def __str__(self) -> str:
        return self.name


BOOL = Scalar("Bool")
INT = Scalar("Int")
DECIMAL = Scalar("Decimal")
STRING = Scalar("String")
INSTANT = Scalar("Instant")
DATE = Scalar("Date")
DURATION = Scalar("Duration")
TIME_OF_DAY = Scalar("TimeOfDay")
TIME_ZONE = Scalar("TimeZone")
LOCAL_TIME = Scalar("LocalTime")
"""What `instant at zone` gives; it has no wire form and cannot be declared."""
IP_ADDRESS = Scalar("IpAddress")
IP_NETWORK = Scalar("IpNetwork")
NOTHING = Scalar("Nothing")
"""The element type of `{}` and `[]`: fits every other type."""

DECLARABLE = {t.name: t for t in (BOOL, INT, DECIMAL, STRING, INSTANT, DATE, DURATION, TIME_OF_DAY, TIME_ZONE, IP_ADDRESS, IP_NETWORK)}


@dataclass(frozen=True, slots=True)
class Words:
    """A union of literals. `open` admits other words in requests; `ordered` ones compare by position."""

    words: tuple[str, ...]
    open: bool = False
    ordered: bool = False
    name: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        if self.name:
            return self.name
        shown = (" < " if self.ordered else " | ").join(f'"{w}"' for w in self.words[:6])
        return f"{'open ' if self.open else ''}{shown}{' | …' if len(self.words) > 6 else ''}"


@dataclass(frozen=True, slots=True)
class KeyOf:
    """A key of the named table: any other value in a request is unknown. `key` is the type of the table's key."""

    table: str
    key: Type = field(compare=False)
    name: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.name or f"key of {self.table.rpartition('.')[2]}"


@dataclass(frozen=True, slots=True)
class SetOf:
    element: Type

    def __str__(self) -> str:
        return f"Set<{self.element}>"


@dataclass(frozen=True, slots=True)
class ListOf:
    element: Type

    def __str__(self) -> str:
        return f"List<{self.element}>"


@dataclass(frozen=True, slots=True)
class IntervalOf:
    """Half-open; of Instant, Date or TimeOfDay. Plain `Interval` is of Instant."""

    element: Type

    def __str__(self) -> str:
        return "Interval" if self.element == INSTANT else f"Interval<{self.element}>"


@dataclass(frozen=True, slots=True)
class RecordOf:
    """A record declared under `name`; its fields are in the schema."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class EntityOf:
    """An entity of one of the named types, in alphabetical order; only a signature names several."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(self.names)


@dataclass(frozen=True, slots=True)
class TableOf:
    """A data table; not a value type: it may only be looked up in and tested with `in`."""

    table: str
    key: Type
    row: RecordOf

    def __str__(self) -> str:
        return f"table of {self.row}"


@dataclass(frozen=True, slots=True)
class Optional:
    """`T?`: a T, or known to be absent."""

    inner: Type

    def __str__(self) -> str:
        return f"({self.inner})?" if isinstance(self.inner, Words) and not self.inner.name else f"{self.inner}?"


Type = Scalar | Words | KeyOf | SetOf | ListOf | IntervalOf | RecordOf | EntityOf | TableOf | Optional


def plain(type: Type) -> Type:
    """The type without its `?`."""
    return type.inner if isinstance(type, Optional) else type


def base(type: Type) -> Type:
    """What a value of the type is underneath: a word or a String key is a String."""
    match type:
        case Words():
            return STRING
        case KeyOf(key=key):
            return base(key)
        case _:
            return type
