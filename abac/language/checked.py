"""Floor 2, language: the checked tree: names resolved, every expression typed. What the reference evaluates and compilers lower.

The checker makes it; every rule below is an invariant that later stages rely on:
names of definitions and tables are qualified (`package.name`), variables are unique within their definition or rule,
optional attributes are read only where a guard holds, ordered comparisons have operands of one ordered type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args
from typing import Literal as Either

from abac.language.nodes import QuantifierKind
from abac.language.operators import Operator
from abac.model.diagnostics import Diagnostic
from abac.model.schema import DutyKind, Schema
from abac.model.source import Source, Span
from abac.model.types import Type
from abac.model.values import Table, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """Expressions compare by meaning: `type` follows from the rest, except for constants, which compare it too."""

    type: Type = field(compare=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A literal or folded constant; `name` is how the policy calls it, if it has a name."""

    value: Value
    kind: Type
    name: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Root(Expression):
    name: Either["subject", "action", "resource", "context", "now"]


@dataclass(frozen=True, slots=True)
class Variable(Expression):
    """A quantifier's or witness's variable, or a parameter."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Expression):
    """A field of a record or entity. Its type is without `?`: a guard stands around it."""

    target: Expression
    name: str
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Element(Expression):
    """An element of a list, counted from 0; unknown outside it."""

    target: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Row(Expression):
    """A row of a table by key; unknown if there is none."""

    table: str
    key: Expression


@dataclass(frozen=True, slots=True)
class InTable(Expression):
    """Whether the table has a row for the key."""

    table: str
    key: Expression


@dataclass(frozen=True, slots=True)
class Invocation(Expression):
    definition: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class LibraryCall(Expression):
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class SetOfExpressions(Expression):
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ListOfExpressions(Expression):
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class RecordOfExpressions(Expression):
    """Every declared field in declared order; None for an optional one that was left out: absent."""

    entries: tuple[tuple[str, Expression | None], ...]


@dataclass(frozen=True, slots=True)
class Operation(Expression):
    operator: Operator
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class HasAttribute(Expression):
    """Presence alone; `has` with a test is this `and` the test."""

    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class AgeOf(Expression):
    """How long ago the attribute of an entity was fetched, which needs no guard; unknown if the attribute is or no source supplied it.

    A Duration that runs with the clock; nothing if it was fetched after the clock of the decision, and then it does not run.
    """

    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class IsType(Expression):
    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Latest(Expression):
    target: Expression
    by: str


@dataclass(frozen=True, slots=True)
class Chain(Expression):
    target: Expression
    by: str


@dataclass(frozen=True, slots=True)
class Quantified(Expression):
    kind: QuantifierKind
    variable: str
    collection: Expression
    body: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Expression):
    arms: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


CheckedExpression = (
    Constant | Root | Variable | Attribute | Element | Row | InTable | Invocation | LibraryCall | SetOfExpressions
    | ListOfExpressions | RecordOfExpressions | Operation | HasAttribute | AgeOf | IsType | Latest | Chain | Quantified | Conditional
)  # fmt: skip


PARTS: Mapping[type[Expression], tuple[str, ...]] = {
    kind: tuple(each.name for each in fields(kind) if "Expression" in str(each.type)) for kind in get_args(CheckedExpression)
}
"""The fields of each kind of expression that hold expressions: themselves, in a tuple, or in pairs in a tuple."""


def children(expression: Expression) -> list[Expression]:
    """The expressions directly inside one, in source order. The bodies of invoked definitions are not inside."""
    found: list[Expression] = []
    for name in PARTS[type(expression)]:
        part = getattr(expression, name)
        if type(part) is not tuple:
            found.append(part)
            continue
        for item in part:
            if type(item) is tuple:
                found += (each for each in item if isinstance(each, Expression))
            else:
                found.append(item)
    return found


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and everything inside it, outermost first."""
    waiting = [expression]
    while waiting:
        each = waiting.pop()
        yield each
        waiting += reversed(children(each))


def conjuncts(expression: Expression) -> Iterator[Expression]:
    """The parts that must all be true."""
    if isinstance(expression, Operation) and expression.operator is Operator.AND:
        for operand in expression.operands:
            yield from conjuncts(operand)
    else:
        yield expression


def rebuilt(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """The expression with its direct parts changed; itself if none is."""
    changed: dict[str, Any] = {}
    for name in PARTS[type(expression)]:
        before = getattr(expression, name)
        after = _changed(before, change)
        if after is not before:
            changed[name] = after
    return replace(expression, **changed) if changed else expression


def _changed(part: Any, change: Callable[[Expression], Expression]) -> Any:
    if isinstance(part, Expression):
        return change(part)
    if isinstance(part, tuple):
        made = tuple(_changed(item, change) for item in part)
        return part if all(a is b for a, b in zip(made, part, strict=True)) else made
    return part


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The expression with variables replaced."""
    if isinstance(expression, Variable):
        return values.get(expression.name, expression)
    return rebuilt(expression, lambda part: substitute(part, values))


# ── policies ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Template:
    """A reason: text and the values to be put between; never changes an effect."""

    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class DutyClause:
    """One obligation or advice of a rule or policy.

    `effect` is `permit` or `deny`, or None for both; `arguments` are in the order of the signature's parameters.
    """

    kind: DutyKind
    id: str
    parameters: tuple[str, ...]
    arguments: tuple[Expression, ...]
    effect: str | None
    guard: Expression | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Witness:
    variable: str
    collection: Expression


@dataclass(frozen=True, slots=True)
class Rule:
    """`condition` is `when and not unless`; the constant true for `otherwise`."""

    name: str
    title: str | None
    effect: str
    witness: Witness | None
    condition: Expression
    even_if_unknown: bool
    code: str
    because: Template | None
    citations: tuple[Expression, ...]
    duties: tuple[DutyClause, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """`applies` is target and window in one condition; None for always."""

    name: str
    title: str | None
    algorithm: str
    applies: Expression | None
    citations: tuple[Expression, ...]
    duties: tuple[DutyClause, ...]
    children: tuple[Policy | Rule, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Definition:
    name: str
    parameters: tuple[tuple[str, Type], ...]
    body: Expression
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TestEdit:
    """`value` None removes what stands at `path`."""

    path: tuple[str | int, ...]
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Test:
    """A `test` block: request `given` from `file`, with edits, and what is expected of its decision."""

    title: str
    given: str
    file: str | None
    edits: tuple[TestEdit, ...]
    effect: str | None
    rule: str | None
    duties: tuple[DutyClause, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Package:
    """A checked package with all it imports. `findings` are the warnings and notes: an error prevents a Package."""

    name: str
    schema: Schema
    tables: Mapping[str, Table]
    definitions: Mapping[str, Definition]
    policy: Policy
    tests: tuple[Test, ...]
    findings: tuple[Diagnostic, ...]
    sources: tuple[Source, ...] = field(repr=False, default=())
