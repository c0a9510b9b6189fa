"""Floor 3, checker: which types fit where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abac.model.types import (
    DATE,
    DECIMAL,
    DURATION,
    INSTANT,
    INT,
    NOTHING,
    STRING,
    TIME_OF_DAY,
    EntityOf,
    IntervalOf,
    KeyOf,
    ListOf,
    Optional,
    RecordOf,
    Scalar,
    SetOf,
    Type,
    Words,
    base,
)  # fmt: skip
from abac.model.values import Table

ERROR = Scalar("?")
"""The type of what was already complained about: fits everywhere, so that one mistake is one complaint.

Invariant: it is this object and no other, so that `is` finds it.
"""

NUMBERS = (INT, DECIMAL)
ORDERED = (INT, DECIMAL, STRING, INSTANT, DATE, DURATION, TIME_OF_DAY)
INTERVALS = (INSTANT, DATE, TIME_OF_DAY)


class Typing:
    """Relations between types; `tables` tells which words are keys."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self._sets: dict[int, tuple[Words, frozenset[str]]] = {}  # by identity; the union itself keeps it from being another's

    def _set(self, words: Words) -> frozenset[str]:
        """The words of a declared union, made a set once however often it is asked for."""
        if words.name is None:
            return frozenset(words.words)
        kept = self._sets.get(id(words))
        if kept is None:
            kept = self._sets[id(words)] = words, frozenset(words.words)
        return kept[1]

    def assignable(self, source: Type, target: Type) -> bool:
        """Whether every value of `source` is a value of `target` (Int widens to Decimal)."""
        if source is ERROR or target is ERROR or source is NOTHING or source == target:
            return True
        match source, target:
            case _, Optional(inner=inner):
                return self.assignable(source, inner)
            case Scalar(name="Int"), Scalar(name="Decimal"):
                return True
            case Words(), Words():
                return (
                    self._set(target).issuperset(source.words) and (target.open or not source.open) and not self._reordered(source, target)
                )
            case Words(), KeyOf():
                return not source.open and not self.outside(source, target)
            case ((Words() | KeyOf()), _) if isinstance(target, Scalar):
                return self.assignable(base(source), target)
            case (SetOf(element=a), SetOf(element=b)) | (ListOf(element=a), ListOf(element=b)):
                return self.assignable(a, b)
            case EntityOf(names=a), EntityOf(names=b):
                return set(a) <= set(b)
        return False

    def _reordered(self, source: Words, target: Words) -> bool:
        if not (source.ordered and target.ordered):
            return False
        return [w for w in target.words if w in source.words] != list(source.words)

    def outside(self, words: Words, target: Type) -> list[str]:
        """The words that no value of `target` can be."""
        match target:
            case Words():
                known = self._set(target) if len(words.words) > 1 or target.name else target.words
                return [w for w in words.words if w not in known]
            case KeyOf(table=table) if table in self.tables:
                return [w for w in words.words if w not in self.tables[table].rows]
        return []

    def comparable(self, a: Type, b: Type) -> bool:
        """Whether a value of one may equal a value of the other."""
        if a is b or a is ERROR or b is ERROR or a is NOTHING or b is NOTHING or a == b:
            return True
        match a, b:
            case Words(), Words():
                few, many = (a, b) if len(a.words) <= len(b.words) else (b, a)
                return not self.outside(few, many) or not self.outside(many, few)
            case (Words() as words, KeyOf() as key) | (KeyOf() as key, Words() as words):
                return words.open or not self.outside(words, key)
            case (SetOf(element=x), SetOf(element=y)) | (ListOf(element=x), ListOf(element=y)):
                return self.comparable(x, y)
            case EntityOf(names=x), EntityOf(names=y):
                return bool(set(x) & set(y))
            case (Words() | KeyOf(), _) | (_, Words() | KeyOf()):
                return self.comparable(base(a), base(b))
        return a in NUMBERS and b in NUMBERS

    def order(self, a: Type, b: Type) -> Type | None:
        """The type by whose order values of the two compare with `<`, or None."""
        if a is ERROR or b is ERROR:
            return ERROR
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Words) and one.ordered:
                fits = isinstance(other, Words) and (one == other if other.ordered else not other.open and not self.outside(other, one))
                return one if fits else None
        if isinstance(a, Words) or isinstance(b, Words):
            return STRING if STRING in (a, b) else None
        a, b = base(a), base(b)
        if a in NUMBERS and b in NUMBERS:
            return DECIMAL if DECIMAL in (a, b) else INT
        return a if a == b and a in ORDERED else None

    def join(self, types: Sequence[Type]) -> Type | None:
        """The smallest type that all of them fit into, or None. Linear in string literals, which stand in sets by the thousand."""
        kind = type(types[0]) if types else None
        if (kind is SetOf or kind is ListOf) and all(type(each) is kind for each in types):
            element = self.join([each.element for each in types])  # type: ignore[union-attr]  # all are sets, or all lists
            return None if element is None else kind(element)
        joined: Type = NOTHING
        words: dict[str, None] | None = None  # those of `joined`, while literals are being added to it
        for each in types:
            if isinstance(each, Words) and _is_literal(each) and (words is not None or _is_open_to_words(joined)):
                words = dict.fromkeys(_words(joined)) if words is None else words
                words[each.words[0]] = None
                continue
            pair = self._join(_having(joined, words), each)
            if pair is None:
                return None
            joined, words = pair, None
        return _having(joined, words)

    def _join(self, a: Type, b: Type) -> Type | None:
        if a is ERROR or b is ERROR:
            return ERROR
        if self.assignable(a, b):
            return b
        if self.assignable(b, a):
            return a
        match a, b:
            case Words(), Words():
                return Words(tuple(dict.fromkeys((*a.words, *b.words))), open=a.open or b.open)
            case (SetOf(element=x), SetOf(element=y)) | (ListOf(element=x), ListOf(element=y)):
                element = self._join(x, y)
                return None if element is None else type(a)(element)  # type: ignore[call-arg, arg-type]  # both are SetOf or ListOf
            case EntityOf(names=x), EntityOf(names=y):
                return EntityOf(tuple(sorted({*x, *y})))
            case ((Words() | KeyOf()), (Words() | KeyOf())) if base(a) == base(b):
                return base(a)
        return None


def _is_literal(words: Words) -> bool:
    """Whether it is the type of a string literal, as far as one can tell."""
    return len(words.words) == 1 and words.name is None and not words.open and not words.ordered


def _is_open_to_words(type: Type) -> bool:
    """Whether joining a string literal to the type only ever adds its word."""
    return type is NOTHING or (isinstance(type, Words) and type.name is None and not type.ordered)


def _words(type: Type) -> tuple[str, ...]:
    return type.words if isinstance(type, Words) else ()


def _having(type: Type, words: dict[str, None] | None) -> Type:
    """The type with these words in place of its own, if any are given."""
    return type if words is None else Words(tuple(words), open=isinstance(type, Words) and type.open)


def fields_owner(type: Type) -> tuple[str, ...]:
    """The names under which the schema keeps the fields of a type; empty if it has none."""
    match type:
        case RecordOf(name=name):
            return (name,)
        case EntityOf(names=names):
            return names
    return ()


def interval(element: Type) -> Type | None:
    return IntervalOf(element) if element in INTERVALS else None
