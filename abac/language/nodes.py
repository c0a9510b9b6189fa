"""Floor 2, language: the tree that the parser makes of one file. Nodes compare by meaning; spans and comments are beside it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from abac.language.operators import Operator
from abac.model.schema import DutyKind
from abac.model.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


# ── expressions ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """`kind` is part of the meaning: `1` is not `true`, although Python says they are equal."""

    kind: type
    value: object


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Access(Node):
    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    target: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A definition or library function with arguments."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class SetLiteral(Node):
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class RecordLiteral(Node):
    name: str
    fields: tuple[RecordEntry, ...]


@dataclass(frozen=True, slots=True)
class RecordEntry(Node):
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class EntityLiteral(Node):
    """`Team::"admins"`."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """Any operator with its operands in source order; `and` and `or` have two or more."""

    operator: Operator
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Has(Node):
    """`target has name`, or `target has name operator right`: present and so."""

    target: Expression
    name: str
    operator: Operator | None
    right: Expression | None


@dataclass(frozen=True, slots=True)
class IsType(Node):
    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Latest(Node):
    target: Expression
    by: str


@dataclass(frozen=True, slots=True)
class Chain(Node):
    target: Expression
    by: str


@dataclass(frozen=True, slots=True)
class Age(Node):
    target: Expression


class QuantifierKind(StrEnum):
    SOME = "some"
    EVERY = "every"


@dataclass(frozen=True, slots=True)
class Quantifier(Node):
    kind: QuantifierKind
    variable: str
    collection: Expression
    body: Expression


@dataclass(frozen=True, slots=True)
class Arm(Node):
    condition: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`if … then … else if … then … else …`. Invariant: `otherwise` is no Conditional; the ladder is flat."""

    arms: tuple[Arm, ...]
    otherwise: Expression


Expression = (
    Literal | Name | Access | Index | Call | SetLiteral | ListLiteral | RecordLiteral | EntityLiteral
    | Operation | Has | IsType | Latest | Chain | Age | Quantifier | Conditional
)  # fmt: skip


# ── types ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    name: str


@dataclass(frozen=True, slots=True)
class AppliedType(Node):
    """`Set<T>`, `List<T>`, `Interval<T>`."""

    name: str
    argument: TypeExpression


@dataclass(frozen=True, slots=True)
class KeyType(Node):
    table: str


@dataclass(frozen=True, slots=True)
class UnionType(Node):
    words: tuple[str, ...]
    open: bool
    ordered: bool


@dataclass(frozen=True, slots=True)
class OptionalType(Node):
    inner: TypeExpression


TypeExpression = NamedType | AppliedType | KeyType | UnionType | OptionalType


# ── policies ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class DutyCall(Node):
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Duty(Node):
    """`oblige` or `advise`, for `effect` only if that is given, under a guard if that is given."""

    kind: DutyKind
    calls: tuple[DutyCall, ...]
    effect: str | None
    guard: Expression | None
    guard_negated: bool


@dataclass(frozen=True, slots=True)
class Witness(Node):
    """`for some variable in collection`."""

    variable: str
    collection: Expression


@dataclass(frozen=True, slots=True)
class Condition(Node):
    otherwise: bool
    witness: Witness | None
    when: Expression | None
    unless: Expression | None
    even_if_unknown: bool


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string whose place matters: `because`, a title, a file name."""

    value: str


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A name whose place matters."""

    value: str


@dataclass(frozen=True, slots=True)
class Rule(Node):
    effect: str
    name: Word
    title: Text | None
    condition: Condition | None
    code: Word | None
    because: Text | None
    citations: tuple[Expression, ...]
    duties: tuple[Duty, ...]


@dataclass(frozen=True, slots=True)
class Policy(Node):
    name: Word
    title: Text | None
    algorithm: str
    target: Expression | None
    effective: Expression | None
    citations: tuple[Expression, ...]
    duties: tuple[Duty, ...]
    children: tuple[Policy | Rule, ...]


# ── declarations ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TypeDeclaration(Node):
    name: Word
    type: TypeExpression


@dataclass(frozen=True, slots=True)
class FieldDeclaration(Node):
    name: Word
    type: TypeExpression
    clock: bool
    sensitive: bool
    absent: bool
    max_age: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class RecordDeclaration(Node):
    name: Word
    fields: tuple[FieldDeclaration, ...]


@dataclass(frozen=True, slots=True)
class EntityDeclaration(Node):
    name: Word
    parents: tuple[Word, ...]
    key: Word
    fields: tuple[FieldDeclaration, ...]


@dataclass(frozen=True, slots=True)
class ContextDeclaration(Node):
    fields: tuple[FieldDeclaration, ...]


@dataclass(frozen=True, slots=True)
class ActionDeclaration(Node):
    names: tuple[Word, ...]
    subjects: tuple[Word, ...]
    resources: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    name: Word
    type: TypeExpression


@dataclass(frozen=True, slots=True)
class DutySignature(Node):
    name: str
    parameters: tuple[Parameter, ...]
    id: str | None


@dataclass(frozen=True, slots=True)
class DutyDeclaration(Node):
    kind: DutyKind
    signatures: tuple[DutySignature, ...]


@dataclass(frozen=True, slots=True)
class ConstDeclaration(Node):
    name: Word
    type: TypeExpression | None
    value: Expression


@dataclass(frozen=True, slots=True)
class DataDeclaration(Node):
    name: Word
    type: TypeExpression
    format: str
    file: Text
    key: Word | None


@dataclass(frozen=True, slots=True)
class Definition(Node):
    name: Word
    parameters: tuple[Parameter, ...]
    type: TypeExpression | None
    body: Expression


@dataclass(frozen=True, slots=True)
class PathStep(Node):
    """An attribute name, or an index into a list."""

    value: str | int


@dataclass(frozen=True, slots=True)
class Edit(Node):
    """`set path = value`, or `remove path` where `value` is None."""

    path: tuple[PathStep, ...]
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Expectation(Node):
    """`permit RULE`, `deny RULE`, or no permit where `effect` is None."""

    effect: str | None
    rule: Word | None
    duties: tuple[tuple[DutyKind, DutyCall], ...]


@dataclass(frozen=True, slots=True)
class Test(Node):
    title: Text
    given: Text
    file: Text | None
    edits: tuple[Edit, ...]
    expectation: Expectation


Declaration = (
    TypeDeclaration | RecordDeclaration | EntityDeclaration | ContextDeclaration | ActionDeclaration | DutyDeclaration
    | ConstDeclaration | DataDeclaration | Definition | Policy | Test
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """From `#` to the end of the line. `trailing`: code stands before it on its line."""

    text: str
    trailing: bool


@dataclass(frozen=True, slots=True)
class File(Node):
    package: Word
    imports: tuple[Import, ...]
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    source: Source = field(compare=False, repr=False)
    broken: tuple[str, ...] = field(compare=False, default=())
    """Names of declarations that could not be read."""
