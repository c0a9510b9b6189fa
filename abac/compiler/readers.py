"""Floor 4, compiler: reads callers' objects into forms: what generated readers call, and the readers of values without attributes.

A fast reader gives a value, or UNSET for what is unknown; an exact one gives the Unknown with its cause and place. What a value means, and
why it is none, only `abac.model.wire` knows: readers here take what plainly is a value as it stands, and ask there about all else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Clamped, Context, Decimal, Overflow, Rounded, Subnormal
from typing import Any

from abac.compiler.climbing import LISTS as LISTS
from abac.compiler.climbing import Climber
from abac.compiler.forms import UNSET, Form, Forms, Maker
from abac.compiler.recipes import recipe
from abac.compiler.runtime import hand_over, is_text, member
from abac.model.limits import DECIMAL_DIGITS, DECIMAL_EXPONENT, INT_MAX, INT_MIN, MAX_COLLECTION, MAX_NESTING
from abac.model.scalars import read_scalar
from abac.model.schema import Entity, Field, Schema
from abac.model.types import DECIMAL, INT, STRING, EntityOf, KeyOf, ListOf, Scalar, SetOf, Type, Words, base
from abac.model.values import CauseKind, EntityValue, ListValue, Table, Unknown
from abac.model.wire import NOTHING, named_members, read_at

Left = list[int]
"""How many more values may be read for one attribute, in a list so that readers share it."""

Fast = Callable[[Any, int, Left], Any]
"""From a raw value, its depth in the request, and what is left: a fast form's value or UNSET."""

Exact = Callable[[Any, str, int, Left], Any]
"""The same with the value's path: an exact form's value or an Unknown."""

DEEPEST = MAX_NESTING - 2


class TooMany(Exception):
    """More values than `PLENTY`: exact readers leave the whole part of the request to `abac.model.wire`."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The readers of one package's values."""

    schema: Schema
    tables: Mapping[str, Table]
    forms: Forms
    climber: Climber

    # ── whatever the type ──────────────────────────────────────────────────────────────────────────────────

    @recipe
    def slow(self, type_: Type) -> Fast:
        field = Field("", type_)

        def read(raw: Any, depth: int, left: Left) -> Any:
            return self.forms.fast(read_at(raw, field, "", depth, self.schema, self.tables), type_)

        return read

    @recipe
    def scalar(self, type_: Scalar) -> Fast:
        """A value without parts, by the reader that `abac.model.wire` has for it."""

        def read(raw: Any, depth: int, left: Left) -> Any:
            found = read_scalar(raw, type_) if depth <= DEEPEST else UNSET
            return UNSET if type(found) is CauseKind else found

        if type_ != DECIMAL:
            return read

        def decimal(raw: Any, depth: int, left: Left) -> Any:
            return raw if type(raw) is Decimal and depth <= DEEPEST and is_narrow(raw) else read(raw, depth, left)

        return decimal

    @recipe
    def slow_exact(self, type_: Type) -> Exact:
        field = Field("", type_)

        def read(raw: Any, path: str, depth: int, left: Left) -> Any:
            return self.forms.exact(read_at(raw, field, path, depth, self.schema, self.tables), type_)

        return read

    @recipe
    def member(self, field: Field) -> Callable[[Any, str, int], Any]:
        """The exact value of a field whose member is given, NOTHING if there is none."""
        plain = field.plain

        def read(raw: Any, path: str, depth: int) -> Any:
            return self.forms.exact(read_at(raw, field, f"{path}.{field.name}", depth, self.schema, self.tables), plain)

        return read

    # ── collections ────────────────────────────────────────────────────────────────────────────────────────

    @recipe
    def plain_set(self, element: Type) -> Fast:
        """A set of strings, words, keys or numbers, taken over by steps that Python does without looking at each element."""
        slow, taken = self.slow(SetOf(element)), self._taken(element)

        def read(raw: Any, depth: int, left: Left) -> Any:
            made = taken(raw) if type(raw) in _SETS and len(raw) <= MAX_COLLECTION else None
            if made is None:
                return slow(raw, depth, left)
            left[0] -= len(raw)
            return made

        return read

    @recipe
    def member_set(self, element: Type) -> Callable[[Any], Any]:
        """The same for a member of a part of the request: hands over if it is unknown."""
        slow, taken, only = self.slow(SetOf(element)), self._taken(element), self._only(element)

        def read(raw: Any) -> Any:
            if type(raw) is list:
                if not raw:
                    return _EMPTY
                if len(raw) == 1 and type(raw[0]) is str and only(raw[0]):
                    return frozenset(raw)
            made = taken(raw) if type(raw) in _SETS and len(raw) <= MAX_COLLECTION else None
            return member(slow, raw) if made is None else made

        return read

    def _only(self, element: Type) -> Callable[[str], bool]:
        """Whether a str surely is such an element, which most sets have one of."""
        if isinstance(element, Words) and not element.open:
            return frozenset(element.words).__contains__
        return is_text if base(element) == STRING and not isinstance(element, KeyOf) else lambda text: False

    def _taken(self, element: Type) -> Callable[[Any], frozenset[Any] | None]:
        """The set, if surely all elements are values of the type as they stand."""
        allowed: frozenset[Any] | None = None
        if isinstance(element, Words) and not element.open:
            allowed = frozenset(element.words)
        elif isinstance(element, KeyOf) and base(element) == STRING:
            allowed = frozenset(self.tables[element.table].rows)
        if allowed is not None:
            return lambda raw: frozenset(raw) if _ONLY_TEXT.issuperset(map(type, raw)) and allowed.issuperset(raw) else None
        if base(element) == STRING and not isinstance(element, KeyOf):
            return _texts
        if element == INT:
            return _ints
        return lambda raw: None

    @recipe
    def plain_set_exact(self, element: Type) -> Exact:
        fast, slow = self.plain_set(element), self.slow_exact(SetOf(element))

        def read(raw: Any, path: str, depth: int, left: Left) -> Any:
            found = fast(raw, depth, left)
            return slow(raw, path, depth, left) if found is UNSET else found

        return read

    # ── entities ───────────────────────────────────────────────────────────────────────────────────────────

    def stand(self, made: Form, entity: Entity, parents: Any, depth: int) -> bool:
        """Fills in the groups that an entity stands in, as far as plain dicts and keys tell; whether that is all of them.

        Args:
            parents: the raw member, which stands at `depth`; NOTHING if there is none.
        """
        key = getattr(made, self.forms.slots[entity.key], UNSET)
        if key is UNSET or type(key) is Unknown or not self.forms.groups:
            return not self.forms.groups
        found: dict[str, set[Any]] = {entity.name: {key}}
        whole = self.climber.climb(entity.name, parents, depth, found)
        for group, number in self.forms.groups.items():
            setattr(made, f"u{number}", frozenset(found.get(group, ())))
            if whole:
                setattr(made, f"w{number}", False)
        return whole

    def stand_exactly(self, made: Form, entity: Entity, parents: Any, path: str, depth: int) -> None:
        """The same, with what is unknown about them."""
        if self.stand(made, entity, parents, depth):
            return
        key = getattr(made, self.forms.slots[entity.key])
        above: Any = ListValue(())
        if entity.parents:
            field = Field("parents", ListOf(EntityOf(tuple(sorted(entity.parents)))))
            above = read_at(parents, field, f"{path}.parents", depth, self.schema, self.tables)
        Maker(self.forms, exact=True).stand(made, EntityValue(entity.name, key, {}, above))


@dataclass(slots=True)
class Odd:
    """Reads records and entities that are no plain dict, or stand too deep; `read` is the generated reader of plain dicts, filled in later.

    Attributes:
        names: members to ask an object for.
        slow: reads what nothing here can.
        key: of an entity: reads its bare key.
    """

    readers: Readers
    owner: str
    names: tuple[str, ...]
    slow: Exact
    key: Fast | None = None
    read: Any = None

    def fast(self, raw: Any, depth: int, left: Left) -> Any:
        members = None if depth > DEEPEST else named_members(raw, self.names)
        if members is not None:
            return self.read(members, depth, left)
        found = UNSET if raw is None or self.key is None else self.key(raw, depth, left)
        if found is UNSET:
            return UNSET
        entity, forms = self.readers.schema.entities[self.owner], self.readers.forms
        made = forms.classes[self.owner]()
        made._type = self.owner
        setattr(made, forms.slots[entity.key], found)
        self.readers.stand(made, entity, NOTHING if entity.parents else (), depth + 1)
        return made

    def exact(self, raw: Any, path: str, depth: int, left: Left) -> Any:
        members = None if depth > DEEPEST else named_members(raw, self.names)
        return self.slow(raw, path, depth, left) if members is None else self.read(members, path, depth, left)


def spend(left: Left, count: int) -> None:
    """So many more values are read."""
    left[0] -= count
    if left[0] < 0:
        hand_over()


def spend_exactly(left: Left, count: int) -> None:
    left[0] -= count
    if left[0] < 0:
        raise TooMany


def placed(path: str, name: str) -> str:
    return f"{path}.{name}"


def numbered(raw: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The elements of a list, each with its path."""
    return ((part, f"{path}[{i}]") for i, part in enumerate(raw))


_EMPTY: frozenset[Any] = frozenset()
_SETS = (list, tuple, frozenset, set)
_ONLY_TEXT = frozenset({str})
_ONLY_INTS = frozenset({int})


_NARROW = Context(
    prec=DECIMAL_DIGITS, Emin=-DECIMAL_EXPONENT, Emax=DECIMAL_EXPONENT, clamp=0, traps=[Rounded, Subnormal, Clamped, Overflow]
)


def is_narrow(number: Decimal) -> bool:
    """Whether a Decimal surely is a value as it stands."""
    try:
        return number.is_finite() and _NARROW.plus(number) is not None
    except ArithmeticError:
        return False


def _texts(raw: Any) -> frozenset[str] | None:
    """Looked at as one text, no longer than one may be, each once: what is joined takes no more memory than the caller holds."""
    if not _ONLY_TEXT.issuperset(map(type, raw)):
        return None
    made = frozenset(raw)
    return made if is_text("".join(made)) else None


def _ints(raw: Any) -> frozenset[int] | None:
    if not _ONLY_INTS.issuperset(map(type, raw)) or min(raw, default=0) < INT_MIN or max(raw, default=0) > INT_MAX:
        return None
    return frozenset(raw)
