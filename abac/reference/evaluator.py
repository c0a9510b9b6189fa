"""Floor 3, reference: what expressions mean, in the plainest code.

An expression has a value, an unknown with its causes, or (inside) a value that runs with the clock. Every definition here is meant to
be read beside docs/language.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abac.language import checked as c
from abac.language.library.functions import FUNCTIONS
from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.limits import MAX_CHAIN, MAX_COMBINATIONS
from abac.model.request import Request
from abac.model.types import Type, Words
from abac.model.values import (
    ABSENT,
    Absence,
    CauseKind,
    EntityValue,
    ListValue,
    LocalTime,
    RecordValue,
    SetValue,
    Unknown,
    Value,
    canonical_key,
    set_of,
)
from abac.reference import meanings
from abac.reference.logic import Truth, all_of, any_of, negation
from abac.reference.moving import Moving, end_of_range, plain

Result = Value | Unknown | Moving


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables in scope, and the product of the sizes of the collections that quantifiers around are walking."""

    variables: Mapping[str, Value | Unknown] = field(default_factory=dict)
    combinations: int = 1

    def binding(self, variable: str, value: Value | Unknown, size: int) -> Environment:
        return Environment({**self.variables, variable: value}, self.combinations * size)


NOTHING_BOUND = Environment()


class Evaluator:
    """Evaluates expressions of one package for one request.

    Attributes:
        horizon: until when, all else equal, everything evaluated so far stays the same; None: for ever.
        reads: the request's attribute values read so far, by path.
    """

    def __init__(self, package: c.Package, request: Request) -> None:
        self.package, self.request = package, request
        self.at = request.now if isinstance(request.now, dt.datetime) else None
        self.horizon: dt.datetime | None = None
        self.reads: dict[str, Value | Unknown | Absence] = {}
        self._shared: dict[str, Result] = {}
        self._methods: dict[type[c.Expression], Callable[..., Result]] = {
            c.Constant: self._constant, c.Root: self._root, c.Variable: self._variable, c.Attribute: self._attribute,
            c.Element: self._element, c.Row: self._row, c.InTable: self._in_table, c.Invocation: self._invocation,
            c.LibraryCall: self._library_call, c.SetOfExpressions: self._set, c.ListOfExpressions: self._list,
            c.RecordOfExpressions: self._record, c.Operation: self._operation, c.HasAttribute: self._has, c.AgeOf: self._age_of,
            c.IsType: self._is_type,
            c.Latest: self._latest, c.Chain: self._chain, c.Quantified: self._quantified, c.Conditional: self._conditional,
        }  # fmt: skip

    def result(self, expression: c.Expression, environment: Environment) -> Result:
        return self._methods[type(expression)](expression, environment)

    def value(self, expression: c.Expression, environment: Environment = NOTHING_BOUND) -> Value | Unknown:
        """The value at this instant."""
        return self.settle(self.result(expression, environment))

    def truth(self, expression: c.Expression, environment: Environment = NOTHING_BOUND) -> Truth:
        """The value of a Bool expression."""
        return self.value(expression, environment)  # type: ignore[return-value]  # the checker typed it

    def shown(self, expression: c.Expression, environment: Environment = NOTHING_BOUND) -> Value | Unknown | Absence:
        """The value to show in a reason, where an absent attribute is no unknown."""
        if isinstance(expression, c.Attribute):
            target = self.shown(expression.target, environment)
            if isinstance(target, RecordValue | EntityValue) and target.fields[expression.name] is ABSENT:
                return ABSENT
            if target is ABSENT:
                return ABSENT
        return self.value(expression, environment)

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────────

    def note(self, change: dt.datetime | None) -> None:
        """Something evaluated may change at this instant."""
        if change is not None and (self.horizon is None or change < self.horizon):
            self.horizon = change

    def note_local(self, local: LocalTime, change: Callable[[LocalTime], dt.datetime]) -> None:
        """Something that a running local time shows changes when its own instant reaches `change`."""
        assert self.at is not None
        try:
            self.note(self.at + (change(local) - local.instant))
        except OverflowError:  # in the last hours of the year 9999
            self.note(self.at)

    def settle(self, result: Result) -> Value | Unknown:
        """A running value, used for what it is at this instant only."""
        if isinstance(result, Moving):
            self.note(self.at)
            return result.value
        return result

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────

    def _constant(self, e: c.Constant, environment: Environment) -> Result:
        return e.value

    def _root(self, e: c.Root, environment: Environment) -> Result:
        match e.name:
            case "subject":
                return self.request.subject
            case "action":
                return self.request.action
            case "resource":
                return self.request.resource
            case "context":
                return self.request.context
            case "now":
                return self._now()

    def _now(self) -> Result:
        return self.request.now if isinstance(self.request.now, Unknown) else Moving(self.request.now)

    def _variable(self, e: c.Variable, environment: Environment) -> Result:
        return environment.variables[e.name]

    def _attribute(self, e: c.Attribute, environment: Environment) -> Result:
        target = self.value(e.target, environment)
        if isinstance(target, Unknown):
            return target
        assert isinstance(target, RecordValue | EntityValue)
        path = f"{target.path}.{e.name}" if target.path else e.span.text
        found = _field(target, e.name, path)
        if target is self.request.context and e.name == self.package.schema.context.clock:
            self.reads[path] = self.request.now
            return self._now()
        if target.path:
            self.reads[path] = found
        return Unknown.of(path, CauseKind.MISSING) if found is ABSENT else found

    def _has(self, e: c.HasAttribute, environment: Environment) -> Result:
        target = self.value(e.target, environment)
        if isinstance(target, Unknown):
            return target
        assert isinstance(target, RecordValue | EntityValue)
        path = f"{target.path}.{e.name}" if target.path else e.span.text
        is_clock = target is self.request.context and e.name == self.package.schema.context.clock
        found = self.request.now if is_clock else _field(target, e.name, path)
        if target.path:
            self.reads[path] = found
        return found if isinstance(found, Unknown) else found is not ABSENT

    def _age_of(self, e: c.AgeOf, environment: Environment) -> Result:
        """How long the value, or that there is none, has been known. What was fetched after this instant has no age yet."""
        target = self.value(e.target, environment)
        if isinstance(target, Unknown):
            return target
        assert isinstance(target, EntityValue)
        path = f"{target.path}.{e.name}" if target.path else e.span.text
        found = _field(target, e.name, path)
        if target.path:
            self.reads[path] = found
        if isinstance(found, Unknown):
            return found
        origin = None if target.origins is None else target.origins.get(e.name)
        if origin is None:
            return Unknown.of(e.span.text, CauseKind.MISSING)
        if self.at is None:
            return self.request.now
        age = self.at - origin.fetched_at
        if age < dt.timedelta():
            self.note(self.at)
            return dt.timedelta()
        running = Moving(age)
        self.note(end_of_range(running, self.at))
        return running

    def _is_type(self, e: c.IsType, environment: Environment) -> Result:
        target = self.value(e.target, environment)
        if isinstance(target, Unknown):
            return target
        assert isinstance(target, EntityValue)
        return target.type == e.name

    def _element(self, e: c.Element, environment: Environment) -> Result:
        target, index = self.value(e.target, environment), self.value(e.index, environment)
        if isinstance(target, Unknown) or isinstance(index, Unknown):
            return _unknown(target, index)
        assert isinstance(target, ListValue) and isinstance(index, int)
        return target.elements[index] if 0 <= index < len(target.elements) else Unknown.of(e.span.text, CauseKind.MISSING)

    def _row(self, e: c.Row, environment: Environment) -> Result:
        key = self.value(e.key, environment)
        if isinstance(key, Unknown):
            return key
        row = self.package.tables[e.table].rows.get(key)
        return Unknown.of(f"{e.table.rpartition('.')[2]}[{key}]", CauseKind.NO_SUCH_ROW) if row is None else row

    def _in_table(self, e: c.InTable, environment: Environment) -> Result:
        key = self.value(e.key, environment)
        return key if isinstance(key, Unknown) else key in self.package.tables[e.table].rows

    # ── calls ──────────────────────────────────────────────────────────────────────────────────────────────

    def _invocation(self, e: c.Invocation, environment: Environment) -> Result:
        """A definition without parameters is evaluated once a decision, as if nothing stood around it."""
        definition = self.package.definitions[e.definition]
        if not definition.parameters:
            if e.definition not in self._shared:
                self._shared[e.definition] = self.result(definition.body, NOTHING_BOUND)
            return self._shared[e.definition]
        names = (name for name, _ in definition.parameters)
        values = {name: self.result(a, environment) for name, a in zip(names, e.arguments, strict=True)}
        return self.result(definition.body, Environment(values, environment.combinations))  # type: ignore[arg-type]  # running values too

    def _library_call(self, e: c.LibraryCall, environment: Environment) -> Result:
        function = FUNCTIONS[e.function]
        arguments = [self.result(a, environment) for a in e.arguments]
        if any(isinstance(a, Unknown) for a in arguments):
            return _unknown(*arguments)
        running = arguments[0] if arguments and isinstance(arguments[0], Moving) else None
        made = _or_unknown(function.meaning(*(plain(a) for a in arguments)), e)  # type: ignore[arg-type]  # no unknowns here
        if running is None or not isinstance(running.value, LocalTime):
            return made
        if function.changes is None:
            return made if isinstance(made, Unknown) else Moving(made, local=running.value)
        self.note_local(running.value, function.changes)
        return made

    # ── collections and records ────────────────────────────────────────────────────────────────────────────

    def _set(self, e: c.SetOfExpressions, environment: Environment) -> Result:
        return set_of(self.value(element, environment) for element in e.elements)

    def _list(self, e: c.ListOfExpressions, environment: Environment) -> Result:
        return ListValue(tuple(self.value(element, environment) for element in e.elements))

    def _record(self, e: c.RecordOfExpressions, environment: Environment) -> Result:
        fields = {name: ABSENT if entry is None else self.value(entry, environment) for name, entry in e.entries}
        return RecordValue(str(e.type), fields)

    def _latest(self, e: c.Latest, environment: Environment) -> Result:
        """All elements with the greatest key; unknown if any element or key is."""
        target = self.value(e.target, environment)
        if isinstance(target, Unknown):
            return target
        assert isinstance(target, ListValue)
        keys: list[Value | Unknown] = []
        for element in target.elements:
            if isinstance(element, Unknown):
                keys.append(element)
            else:
                assert isinstance(element, RecordValue | EntityValue)
                keys.append(element.fields[e.by])  # type: ignore[arg-type]  # the checker admits no optional key
        if any(isinstance(key, Unknown) for key in keys):
            return _unknown(*keys)
        order = self._field_type(target, e.by)
        ranks: list[Any] = [rank(key, order) for key in keys]  # type: ignore[arg-type]  # no unknowns here
        greatest = max(ranks, default=None)
        return ListValue(tuple(x for x, r in zip(target.elements, ranks, strict=True) if r == greatest))

    def _field_type(self, elements: ListValue, name: str) -> Type | None:
        for element in elements.elements:
            if isinstance(element, EntityValue):
                return self.package.schema.entities[element.type].fields[name].plain
            if isinstance(element, RecordValue):
                return self.package.schema.records[element.type].fields[name].plain
        return None

    def _chain(self, e: c.Chain, environment: Environment) -> Result:
        """The entity and those it leads to; unknown as a whole if a link is, if there are too many, or if it comes back to itself."""
        target: Value | Unknown | Absence = self.value(e.target, environment)
        links: list[EntityValue] = []
        seen: set[tuple[object, ...]] = set()
        while target is not ABSENT:
            if isinstance(target, Unknown):
                return target
            assert isinstance(target, EntityValue)
            if isinstance(target.key, Unknown):
                return target.key
            if canonical_key(target) in seen or len(links) > MAX_CHAIN:
                return Unknown.of(f"{links[0].path}.{e.by}", CauseKind.LIMIT_EXCEEDED)
            seen.add(canonical_key(target))
            links.append(target)
            target = target.fields[e.by]
        return ListValue(tuple(links))

    # ── logic ──────────────────────────────────────────────────────────────────────────────────────────────

    def _quantified(self, e: c.Quantified, environment: Environment) -> Result:
        collection = self.value(e.collection, environment)
        if isinstance(collection, Unknown):
            return collection
        assert isinstance(collection, ListValue | SetValue)
        size = len(collection.elements)
        if environment.combinations * size > MAX_COMBINATIONS:
            return Unknown.of(e.collection.span.text, CauseKind.LIMIT_EXCEEDED)
        truths = (self.truth(e.body, environment.binding(e.variable, element, size)) for element in collection.elements)
        return any_of(truths) if e.kind is QuantifierKind.SOME else all_of(truths)

    def _conditional(self, e: c.Conditional, environment: Environment) -> Result:
        for condition, value in e.arms:
            truth = self.truth(condition, environment)
            if isinstance(truth, Unknown):
                return truth
            if truth:
                return self.result(value, environment)
        return self.result(e.otherwise, environment)

    def _operation(self, e: c.Operation, environment: Environment) -> Result:
        match e.operator:
            case Operator.AND:
                return all_of(self.truth(operand, environment) for operand in e.operands)
            case Operator.OR:
                return any_of(self.truth(operand, environment) for operand in e.operands)
            case Operator.NOT:
                return negation(self.truth(e.operands[0], environment))
        return meanings.MEANINGS[e.operator](self, e, *(self.result(operand, environment) for operand in e.operands))


def _field(target: RecordValue | EntityValue, name: str, path: str) -> Value | Unknown | Absence:
    """An attribute. One that this type of entity does not have is unknown: a guard that says it is another type is false."""
    return target.fields[name] if name in target.fields else Unknown.of(path, CauseKind.MISTYPED)


def rank(value: Value, order: Type | None) -> object:
    """What a value compares by: words of an ordered union by position."""
    return order.words.index(value) if isinstance(order, Words) and order.ordered else value


def _unknown(*results: object) -> Unknown:
    return Unknown.union(r for r in results if isinstance(r, Unknown))


def _or_unknown(made: Value | CauseKind | Unknown, e: c.Expression) -> Value | Unknown:
    return Unknown.of(e.span.text, made) if isinstance(made, CauseKind) else made
