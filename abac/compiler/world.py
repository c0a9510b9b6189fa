"""Floor 4, compiler: what all emitters of one package share: its forms, its namespace, and how constants of the policy enter the code."""

from __future__ import annotations

import ast
import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from abac.compiler.emit_readers import ReaderEmitter
from abac.compiler.forms import Forms
from abac.compiler.graph import Graph
from abac.compiler.motion import Clockwork
from abac.compiler.recipes import made, recipe
from abac.compiler.runtime import FIRST_SLOT, deep
from abac.compiler.shapes import ROW, Holes
from abac.compiler.slots import Slots
from abac.compiler.uses import Uses, uses
from abac.language import checked as c
from abac.language.library import patterns
from abac.language.operators import Operator
from abac.model.schema import Field
from abac.model.types import RecordOf, Words


@dataclass
class World:
    """Invariant: `holes` is set while the code of a shape is emitted, whose constants differ from rule to rule."""

    graph: Graph
    slots: Slots = field(default_factory=Slots)
    holes: Holes | None = None

    def __post_init__(self) -> None:
        self.package = self.graph.package
        self.definitions = self.graph.definitions
        self.uses: Uses = uses(self.package)
        self.forms = Forms(self.package.schema, self.uses.groups, self.uses.ages)
        self.readers = ReaderEmitter(self.package, self.forms, self.uses, self.slots)
        self.above = self.readers.run.climber.above
        used = (name for name, definition in self.definitions.items() if not definition.parameters)
        self.shared = {name: FIRST_SLOT + i for i, name in enumerate(used)}
        self._once: dict[tuple[str, int], Any] = {}
        several = [part for part in ("subject", "resource") if len(self.kinds(part)) > 1]
        self.kind_slots = {part: FIRST_SLOT + len(self.shared) + i for i, part in enumerate(several)}
        self._kept: dict[object, int] = {}
        self._walks: dict[str, bool] = {}
        self._shapes: dict[object, Holes] = {}
        self._numbers: dict[int, dict[object, int]] = {}
        self.tables: dict[int, tuple[str, object, Callable[[Any], Any]]] = {}
        self._places: dict[Words, dict[str, int]] = {}
        self._deep: dict[Any, Any] = {}
        self._getters: dict[str, Any] = {}
        self._dated: dict[str, Any] = {}
        self._rows: dict[tuple[str, bool], Any] = {}

    def shape(self, key: object, expressions: Sequence[c.Expression]) -> Holes:
        """The holes of a shape; `key` is equal for what has one shape."""
        if key not in self._shapes:
            self._shapes[key] = Holes(tuple(expressions))
        return self._shapes[key]

    def once(self, what: str, of: object, make: Callable[[Any], Any]) -> Any:
        """What is asked of a part of the graph again and again."""
        key = what, id(of)
        if key not in self._once:
            self._once[key] = make(of)
        return self._once[key]

    def number(self, block: int, shape: object) -> int:
        """The number of a test among those of a policy, from 1."""
        numbers = self._numbers.setdefault(block, {})
        return numbers.setdefault(shape, len(numbers) + 1)

    @property
    def memo_places(self) -> int:
        """How many places a memo has: after those that every memo has, for definitions computed once, and for types of plain dicts."""
        return FIRST_SLOT + len(self.shared) + len(self.kind_slots) + len(self._kept)

    def kept_slot(self, key: object) -> int:
        """The place in the memo of what searches of plain dicts compute once a decision."""
        return self._kept.setdefault(key, self.memo_places)

    def table(self, of: object, make: Callable[[Any], Any]) -> str:
        """The name of the table of something; it is filled in when all code is emitted, with outcomes by leaf."""
        if id(of) not in self.tables:
            self.tables[id(of)] = f"B{len(self.tables) + 1}", of, make
        return self.tables[id(of)][0]

    def kinds(self, part: str) -> frozenset[str]:
        """The types of entity that subject or resource may be."""
        if part == "context":
            return frozenset(("context",))
        actions = self.package.schema.actions.values()
        return frozenset(kind for action in actions for kind in (action.subjects if part == "subject" else action.resources))

    def clockwork(self) -> Clockwork:
        return Clockwork(self.package, self.definitions)

    @property
    def row(self) -> tuple[str, ...]:
        """The parameter by which functions that belong to a shape hand on its row."""
        return () if self.holes is None else (ROW,)

    @contextmanager
    def outside_shapes(self) -> Iterator[None]:
        """While a definition is emitted: it is the same for all."""
        holes, self.holes = self.holes, None
        try:
            yield
        finally:
            self.holes = holes

    # ── what the policy says of itself ─────────────────────────────────────────────────────────────────────

    def field(self, e: c.Attribute | c.HasAttribute | c.AgeOf) -> Field:
        """The attribute's declaration."""
        owners = getattr(e.target.type, "names", None) or (getattr(e.target.type, "name", ""),)
        for owner in owners:
            if e.name in self.forms.owners[owner]:
                return self.forms.owners[owner][e.name]
        raise AssertionError(f"the checker knows {e.name}")

    def walks(self, definition: str) -> bool:
        """Whether a definition walks through a collection, itself or by another."""
        if definition not in self._walks:
            self._walks[definition] = self.walks_inside(self.definitions[definition].body)
        return self._walks[definition]

    def walks_inside(self, e: c.Expression) -> bool:
        return any(isinstance(x, c.Quantified) or (isinstance(x, c.Invocation) and self.walks(x.definition)) for x in c.walk(e))

    # ── constants ──────────────────────────────────────────────────────────────────────────────────────────

    def constant(self, e: c.Expression, what: object, prepare: Callable[[Any], Any]) -> ast.expr:
        """What `prepare` makes of a constant of the policy: of a shape, a column of the rule's row."""
        if self.holes is not None:
            return self.holes.column(e, what, prepare)
        return self.slots.literal(prepare(e))

    def literal(self, e: c.Constant, *, exact: bool = False) -> ast.expr:
        """The form of a constant: an entity of which nothing but the key is known has two."""
        form = self.forms.exact if exact else self.forms.fast
        return self.constant(e, ("literal", exact), lambda e: form(e.value, e.kind))

    def place(self, e: c.Constant, order: Words) -> ast.expr:
        """The position of a constant word in its ordered union."""
        return self.constant(e, order, lambda e: order.words.index(str(e.value)))

    def places(self, order: Words) -> ast.expr:
        """The positions of all words."""
        return self.slots.slot(self._places.setdefault(order, {w: i for i, w in enumerate(order.words)}))

    def matcher(self, operator: Operator, e: c.Constant) -> ast.expr:
        """What tests a text for a pattern."""
        make = patterns.liker if operator is Operator.LIKE else patterns.matcher
        return self.constant(e, operator, lambda e: made(make, str(e.value)))

    def network(self, e: c.Constant) -> ast.expr:
        """What tests an address for membership."""
        return self.constant(e, "network", lambda e: network_test(e.value))

    def rows(self, table: str, *, exact: bool = False) -> ast.expr:
        """The forms of a table's rows, by key."""
        if (table, exact) not in self._rows:
            found, form = self.package.tables[table], self.forms.exact if exact else self.forms.fast
            record = RecordOf(found.record)
            self._rows[table, exact] = {key: form(row, record) for key, row in found.rows.items()}
        return self.slots.slot(self._rows[table, exact])

    # ── run time ───────────────────────────────────────────────────────────────────────────────────────────

    def deep(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """A test of values, for their forms."""
        if test not in self._deep:
            self._deep[test] = deep(test)
        return self._deep[test]  # type: ignore[no-any-return]

    def getter(self, attribute: str) -> Callable[[Any], Any]:
        """What reads an attribute of a form."""
        return self._getters.setdefault(attribute, attrgetter(self.forms.slots[attribute]))  # type: ignore[no-any-return]

    def dated(self, attribute: str) -> Callable[[Any], Any]:
        """What reads an attribute of a form, and as of when it is known."""
        slots = self.forms.slots[attribute], self.forms.ages[attribute]
        return self._dated.setdefault(attribute, attrgetter(*slots))  # type: ignore[no-any-return]


@recipe
def network_test(network: Any) -> Callable[[Any], bool]:
    """Membership of an address, compared as a number: an address of the other family is not in it."""
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address

    def test(address: Any) -> bool:
        return type(address) is kind and first <= int(address) <= last

    return test
