"""Floor 3, checker: the declarations of one package: types, schema, constants, data, definitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from abac.checker import guards, tables
from abac.checker.constants import fold
from abac.checker.expressions import ExpressionChecker, Place
from abac.checker.guards import Summary
from abac.checker.reporter import Reporter
from abac.checker.scope import ROOTS, Entry, Scope, own_declarations, report_duplicate
from abac.checker.types import ERROR, INTERVALS, Typing
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.library.functions import FUNCTIONS
from abac.language.library.times import WEEKDAY
from abac.model.diagnostics import suggestion
from abac.model.limits import MAX_EXPANSION, MAX_QUANTIFIERS
from abac.model.schema import Action, Context, DutySignature, Entity, Field, Record, Schema
from abac.model.source import Span
from abac.model.types import DECLARABLE, INSTANT, EntityOf, IntervalOf, KeyOf, ListOf, Optional, RecordOf, SetOf, TableOf, Type, Words
from abac.model.values import CauseKind, EntityValue, ListValue, Table, Unknown, Value

ReadData = Callable[[str], bytes]


@dataclass(slots=True)
class Shared:
    """What all packages of one load have in common: everything by qualified name. Records and entities go by their bare names,
    which are unique in a load."""

    records: dict[str, Record] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)
    aliases: dict[str, Type] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    definitions: dict[str, c.Definition] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    duties: dict[str, DutySignature] = field(default_factory=dict)
    checkers: dict[str, PackageChecker] = field(default_factory=dict)


class PackageChecker:
    """Declarations are resolved when first asked for, so their order in the source means nothing."""

    def __init__(
        self, name: str, files: tuple[n.File, ...], scope: Scope, shared: Shared, read_data: ReadData, reporter: Reporter, *, library: bool
    ) -> None:
        self.name, self.files, self.scope, self.shared = name, files, scope, shared
        self.read_data, self.reporter, self.library = read_data, reporter, library
        self.typing = Typing(shared.tables)
        self.summaries = shared.summaries
        self.called: set[str] = set()
        self.roots: dict[str, Type | None] = dict.fromkeys(ROOTS)
        self.context = Context()
        self.actions: dict[str, Action] = {}
        self.duties = shared.duties
        self._busy: list[str] = []
        self._aliases: dict[str, Type] = {}
        self._constants: dict[str, c.Constant | None] = {}
        self._tables: dict[str, TableOf | c.Constant | None] = {}
        self._definitions: dict[str, c.Definition | None] = {}
        self.expressions = ExpressionChecker(self)

    # ── everything, once ───────────────────────────────────────────────────────────────────────────────────

    def declare(self) -> None:
        """Resolve every declaration except policies and tests."""
        self._declare_requests()
        for declaration in own_declarations(self.files):
            match declaration:
                case n.TypeDeclaration(name=name):
                    self.alias(name.value)
                case n.RecordDeclaration(name=name, span=span):
                    self.record(name.value, span)
                case n.EntityDeclaration(name=name, span=span):
                    self.entity(name.value, span)
                case n.ConstDeclaration(name=name):
                    self.constant(name.value)
                case n.DataDeclaration(name=name):
                    self.data(name.value)
                case n.DutyDeclaration():
                    self._declare_duties(declaration)
                case n.Definition(name=name, span=span):
                    self.definition(name.value, span)

    def _declare_requests(self) -> None:
        contexts = [d for d in own_declarations(self.files) if isinstance(d, n.ContextDeclaration)]
        for extra in contexts[1:]:
            report_duplicate(self.reporter, "the", "context", extra.span, contexts[0].span)
        if contexts:
            fields = self._fields(contexts[0].fields, "context")
            clocks = [f for f in contexts[0].fields if f.clock]
            for clock in clocks:
                if fields[clock.name.value].type not in (INSTANT, ERROR) or clock is not clocks[0]:
                    help = "only one" if clock is not clocks[0] else "declare it `Instant`"
                    self.reporter.error("bad-clock", "the clock is one Instant that is never absent", clock.span, help=help)
            self.context = Context(fields, clocks[0].name.value if clocks else None)
            self.roots["now"] = INSTANT if clocks else None
        self.roots["context"] = RecordOf("context")
        for declaration in own_declarations(self.files):
            if isinstance(declaration, n.ActionDeclaration):
                self._declare_actions(declaration)
        if self.actions:
            actions = self.actions.values()
            self.roots["action"] = Words(tuple(self.actions), name="action")
            self.roots["subject"] = EntityOf(tuple(sorted({s for a in actions for s in a.subjects})))
            self.roots["resource"] = EntityOf(tuple(sorted({r for a in actions for r in a.resources})))

    def _declare_actions(self, declaration: n.ActionDeclaration) -> None:
        sides = []
        for words in (declaration.subjects, declaration.resources):
            known = [word.value for word in words if self.entity(word.value, word.span)]
            sides.append(tuple(sorted(set(known))))
        for name in declaration.names:
            if name.value in self.actions:
                self.reporter.error("duplicate-name", f"action `{name.value}` is declared twice", name.span)
            elif all(sides):
                self.actions[name.value] = Action(name.value, *sides)
            else:
                self.scope.broken |= {name.value}

    def _declare_duties(self, declaration: n.DutyDeclaration) -> None:
        for signature in declaration.signatures:
            parameters = self._parameters(signature.parameters)
            made = DutySignature(signature.name, signature.id or signature.name, declaration.kind, parameters)
            earlier = self.duties.get(signature.name)
            same_id = next((d for d in self.duties.values() if d.id == made.id and d.kind == made.kind), None)
            if earlier is not None or same_id is not None:
                self.reporter.error("duplicate-name", f"{declaration.kind} `{made.id}` is declared twice", signature.span)
            self.duties.setdefault(signature.name, made)

    def schema(self) -> Schema:
        """What requests may contain, as this package sees it."""
        s = self.shared
        return Schema(s.aliases, s.records, s.entities, self.context, self.actions, s.duties)

    # ── types ──────────────────────────────────────────────────────────────────────────────────────────────

    def type(self, expression: n.TypeExpression) -> Type:
        """The type that a type expression stands for; ERROR after a complaint."""
        match expression:
            case n.NamedType(name=name, span=span):
                return self._named_type(name, span)
            case n.AppliedType(name=name, argument=argument, span=span):
                return self._applied_type(name, self.type(argument), span)
            case n.KeyType(table=table, span=span):
                return self._key_type(table, span)
            case n.OptionalType(inner=inner, span=span):
                resolved = self.type(inner)
                if isinstance(resolved, Optional):
                    self.reporter.error("type-mismatch", "the type is optional already", span)
                return resolved if isinstance(resolved, Optional) or resolved == ERROR else Optional(resolved)
            case n.UnionType(words=words, open=open, ordered=ordered, span=span):
                doubles = sorted({w for w in words if words.count(w) > 1})
                if doubles:
                    self.reporter.error("duplicate-name", f"`{doubles[0]}` stands twice in the union", span)
                return Words(tuple(dict.fromkeys(words)), open, ordered)

    def _named_type(self, name: str, span: Span) -> Type:
        if name in DECLARABLE:
            return DECLARABLE[name]
        if name == "Interval":
            return IntervalOf(INSTANT)
        if name == WEEKDAY.name:
            return WEEKDAY
        entry = self.scope.entries.get(name)
        match entry.node if entry else None:
            case n.TypeDeclaration():
                return self.alias(name)
            case n.RecordDeclaration():
                return RecordOf(name)
            case n.EntityDeclaration():
                return EntityOf((name,))
            case None:
                if name not in self.scope.broken:
                    known = [*DECLARABLE, "Interval", "Weekday", "Set", "List", *self._type_names()]
                    self.reporter.error("unknown-type", f"no type is called `{name}`", span, help=suggestion(name, known))
            case _:
                self.reporter.error("unknown-type", f"`{name}` is a value, not a type", span)
        return ERROR

    def _type_names(self) -> Iterator[str]:
        return self.scope.names(n.TypeDeclaration, n.RecordDeclaration, n.EntityDeclaration)

    def _applied_type(self, name: str, argument: Type, span: Span) -> Type:
        if argument == ERROR:
            return ERROR
        if isinstance(argument, Optional):
            self.reporter.error("type-mismatch", f"the elements of a {name} are never absent", span, help="leave out the `?`")
            return ERROR
        match name:
            case "Set":
                return SetOf(argument)
            case "List":
                return ListOf(argument)
            case "Interval" if argument in INTERVALS:
                return IntervalOf(argument)
        help = "an Interval is of Instant, Date or TimeOfDay" if name == "Interval" else suggestion(name, ["Set", "List", "Interval"])
        self.reporter.error("unknown-type", f"there is no type `{name}<{argument}>`", span, help=help)
        return ERROR

    def _key_type(self, table: str, span: Span) -> Type:
        entry = self.scope.entries.get(table)
        if entry is None or not isinstance(entry.node, n.DataDeclaration):
            if table not in self.scope.broken:
                help = suggestion(table, self.scope.names(n.DataDeclaration))
                self.reporter.error("unknown-name", f"no table is called `{table}`", span, help=help)
            return ERROR
        owner = self.shared.checkers[entry.package]
        key = owner.key_type(entry.node)
        return ERROR if key is None else KeyOf(entry.qualified, key)

    def key_type(self, node: n.DataDeclaration) -> Type | None:
        """The type of a table's key, known before the table is read."""
        entry = self.scope.entries.get(node.type.name) if isinstance(node.type, n.NamedType) else None
        if node.key is None or entry is None or not isinstance(entry.node, n.RecordDeclaration):
            self.data(node.name.value)
            return None
        for each in entry.node.fields:
            if each.name.value == node.key.value and isinstance(each.type, n.NamedType) and each.type.name in DECLARABLE:
                return DECLARABLE[each.type.name]
        self.data(node.name.value)
        return None

    def alias(self, name: str) -> Type:
        entry = self.scope.entries[name]
        if entry.package != self.name:
            return self.shared.checkers[entry.package].alias(name)
        if name not in self._aliases:
            with self._once(entry, "type") as fresh:
                assert isinstance(entry.node, n.TypeDeclaration)
                self._aliases[name] = _called(self.type(entry.node.type), name) if fresh else ERROR
            self.shared.aliases[name] = self._aliases[name]
        return self._aliases[name]

    # ── records and entities ───────────────────────────────────────────────────────────────────────────────

    def record(self, name: str, span: Span) -> Record | None:
        entry = self.scope.entries.get(name)
        if entry is None or not isinstance(entry.node, n.RecordDeclaration):
            if name not in self.scope.broken:
                self.reporter.error(
                    "unknown-type", f"no record is called `{name}`", span, help=suggestion(name, self.scope.names(n.RecordDeclaration))
                )
            return None
        if name not in self.shared.records:
            fields: dict[str, Field] = {}
            self.shared.records[name] = Record(name, fields)
            fields.update(self.shared.checkers[entry.package]._fields(entry.node.fields, name))
        return self.shared.records[name]

    def entity(self, name: str, span: Span) -> Entity | None:
        entry = self.scope.entries.get(name)
        if entry is None or not isinstance(entry.node, n.EntityDeclaration):
            if name not in self.scope.broken:
                self.reporter.error(
                    "unknown-type", f"no entity is called `{name}`", span, help=suggestion(name, self.scope.names(n.EntityDeclaration))
                )
            return None
        if name not in self.shared.entities:
            self.shared.checkers[entry.package]._declare_entity(entry.node)
        return self.shared.entities[name]

    def _declare_entity(self, node: n.EntityDeclaration) -> None:
        name, fields = node.name.value, {}  # type: str, dict[str, Field]
        parents = tuple(word.value for word in node.parents)
        self.shared.entities[name] = Entity(name, node.key.value, fields, parents)
        fields.update(self._fields(node.fields, name))
        for parent in node.parents:
            self.entity(parent.value, parent.span)
        key = fields.get(node.key.value)
        if key is None:
            help = suggestion(node.key.value, fields)
            self.reporter.error("bad-key", f"`{name}` has no attribute `{node.key.value}` to be its key", node.key.span, help=help)
            fields[node.key.value] = Field(node.key.value, ERROR)
        elif key.optional or isinstance(key.type, SetOf | ListOf | RecordOf | EntityOf | IntervalOf):
            self.reporter.error("bad-key", f"a key is a plain value that is never absent, `{key.name}` is {key.type}", node.key.span)

    def _fields(self, declared: tuple[n.FieldDeclaration, ...], owner: str) -> dict[str, Field]:
        fields: dict[str, Field] = {}
        for each in declared:
            name, type_ = each.name.value, self.type(each.type)
            if name in fields:
                self.reporter.error("duplicate-name", f"`{owner}` has two attributes `{name}`", each.span)
            if name in ("parents", "entity_type") and isinstance(self._entry_node(owner), n.EntityDeclaration):
                self.reporter.error("reserved-name", f"`{name}` is reserved in requests", each.name.span)
            if each.clock and owner != "context":
                self.reporter.error("bad-clock", "only the context has a clock", each.span)
            if each.absent and not isinstance(type_, Optional) and type_ != ERROR:
                self.reporter.error("type-mismatch", f"only an optional attribute can be absent, `{name}` is {type_}", each.span, help="add `?`")
            fields.setdefault(name, Field(name, type_, each.absent, each.sensitive))
        return fields

    def _entry_node(self, name: str) -> n.Node | None:
        entry = self.scope.entries.get(name)
        return entry.node if entry else None

    def fields(self, owner: str) -> Mapping[str, Field]:
        """The attributes of a record, an entity, or the context."""
        if owner == "context":
            return self.context.fields
        if owner in self.shared.records:
            return self.shared.records[owner].fields
        entity = self.shared.entities.get(owner)
        if entity is None:  # named as a type before it was declared
            span = self.files[0].span
            declared = self.record(owner, span) if isinstance(self._node(owner), n.RecordDeclaration) else self.entity(owner, span)
            return declared.fields if declared else {}
        return entity.fields

    def _node(self, name: str) -> n.Node | None:
        for checker in (self, *self.shared.checkers.values()):
            if (node := checker._entry_node(name)) is not None:
                return node
        return None

    def ancestors(self, name: str) -> set[str]:
        """The entity types that an entity of this type may be, or stand in."""
        found, waiting = set[str](), [name]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self.shared.entities[each].parents if each in self.shared.entities else ()
        return found

    def reference(self, entity: Entity, key: Value) -> EntityValue:
        """An entity of which only type and key are known."""
        path = f"{entity.name}::{key}"
        missing = {f: Unknown.of(f"{path}.{f}", CauseKind.MISSING) for f in entity.fields}
        parents = Unknown.of(f"{path}.parents", CauseKind.MISSING) if entity.parents else ListValue(())
        return EntityValue(entity.name, key, {**missing, entity.key: key}, parents, path)

    # ── constants and data ─────────────────────────────────────────────────────────────────────────────────

    def constant(self, name: str) -> c.Constant | None:
        entry = self.scope.entries[name]
        if entry.package != self.name:
            return self.shared.checkers[entry.package].constant(name)
        if name not in self._constants:
            with self._once(entry, "constant") as fresh:
                assert isinstance(entry.node, n.ConstDeclaration)
                self._constants[name] = self._fold_constant(entry.node) if fresh else None
        return self._constants[name]

    def _fold_constant(self, node: n.ConstDeclaration) -> c.Constant | None:
        found = self.expressions.check(node.value, Place(roots=False))
        if node.type is not None:
            found = self.expressions.fit(found, self.type(node.type))
        if found.type == ERROR:
            return None
        value = fold(found)
        if value is None or isinstance(value, Unknown):
            self.reporter.error("not-constant", f"`{node.name.value}` is not constant", node.value.span, help="use `define` for what is computed")
            return None
        return c.Constant(value, found.type, node.name.value, type=found.type, span=node.value.span)

    def data(self, name: str) -> TableOf | c.Constant | None:
        entry = self.scope.entries[name]
        if entry.package != self.name:
            return self.shared.checkers[entry.package].data(name)
        if name not in self._tables:
            self._tables[name] = None
            assert isinstance(entry.node, n.DataDeclaration)
            self._tables[name] = tables.load(self, entry.node, entry.qualified)
        return self._tables[name]

    def table(self, qualified: str) -> Table:
        return self.shared.tables.get(qualified) or Table(qualified, "", {}, "")

    # ── definitions ────────────────────────────────────────────────────────────────────────────────────────

    def definition(self, name: str, span: Span) -> c.Definition | None:
        entry = self.scope.entries[name]
        if entry.package != self.name:
            return self.shared.checkers[entry.package].definition(name, span)
        if name not in self._definitions:
            with self._once(entry, "definition") as fresh:
                assert isinstance(entry.node, n.Definition)
                made = self._define(entry.node, entry.qualified) if fresh else None
            self._definitions[name] = made
            if made is not None:
                self.shared.definitions[made.name] = made
        return self._definitions[name]

    def _parameters(self, declared: tuple[n.Parameter, ...]) -> tuple[tuple[str, Type], ...]:
        found: dict[str, Type] = {}
        for each in declared:
            type_ = self.type(each.type)
            if isinstance(type_, Optional):
                self.reporter.error("type-mismatch", "a parameter is never absent", each.span, help="guard the argument where it is given")
                type_ = type_.inner
            if each.name.value in found:
                self.reporter.error("duplicate-name", f"two parameters are called `{each.name.value}`", each.name.span)
            found[each.name.value] = type_
        return tuple(found.items())

    def _define(self, node: n.Definition, qualified: str) -> c.Definition | None:
        name = node.name
        if name.value in FUNCTIONS:
            self.reporter.error("duplicate-name", f"`{name.value}` is a built-in function", name.span, help="choose another name")
        parameters = self._parameters(node.parameters)
        place = Place(parameters=frozenset(p for p, _ in parameters), roots=not self.library)
        for parameter, (variable, type_) in zip(node.parameters, parameters, strict=False):
            place = self.expressions.bind(variable, type_, parameter.name.span, place)
        body = self.expressions.check(node.body, place)
        if node.type is not None:
            declared = self.type(node.type)
            if isinstance(declared, Optional):
                self.reporter.error("type-mismatch", "a definition is never absent", node.type.span, help="leave out the `?`")
                declared = declared.inner
            body = self._declared_as(body, declared)
        if body.type == ERROR or any(t == ERROR for _, t in parameters):
            return None
        if isinstance(body.type, TableOf):
            self.reporter.error("type-mismatch", "a table is no value", node.body.span)
            return None
        summary = Summary(body, tuple(p for p, _ in parameters))
        summary.when_true = guards.when(body, True, self.summaries)
        summary.when_false = guards.when(body, False, self.summaries)
        for requirement in place.requirements:
            summary.requires.setdefault(requirement.fact, requirement.span)
        summary.size, summary.quantifiers = self.measure(body)
        if not self.within_limits(summary.size, summary.quantifiers, name.span):
            return None
        self.summaries[qualified] = summary
        return c.Definition(qualified, parameters, body, span=node.span)

    def _declared_as(self, body: c.Expression, declared: Type) -> c.Expression:
        fitted = self.expressions.fit(body, declared)
        if fitted.type == ERROR or fitted.type == declared:
            return fitted
        return replace(fitted, type=declared)

    def measure(self, expression: c.Expression) -> tuple[int, int]:
        """Size with definitions written out, and how deep quantifiers stand inside one another."""
        size, depth = 1, 0
        for child in c.children(expression):
            child_size, child_depth = self.measure(child)
            size, depth = size + child_size, max(depth, child_depth)
        if isinstance(expression, c.Invocation) and expression.definition in self.summaries:
            summary = self.summaries[expression.definition]
            size, depth = size + summary.size, max(depth, summary.quantifiers)
        return size, depth + isinstance(expression, c.Quantified)

    def within_limits(self, size: int, quantifiers: int, span: Span) -> bool:
        if quantifiers > MAX_QUANTIFIERS:
            self.reporter.error("too-many-quantifiers", f"quantifiers stand more than {MAX_QUANTIFIERS} deep in one another", span)
        elif size > MAX_EXPANSION:
            help = "definitions count as often as they are used"
            self.reporter.error("too-large", f"written out, this has more than {MAX_EXPANSION} operations", span, help=help)
        else:
            return True
        return False

    def report_unmet_requirements(self) -> None:
        """Definitions that nobody calls are held to what they read themselves."""
        for definition in self._definitions.values():
            if definition is not None and definition.name not in self.called:
                for fact, span in self.summaries[definition.name].requires.items():
                    self.expressions.report_unguarded(fact, span)

    # ── cycles ─────────────────────────────────────────────────────────────────────────────────────────────

    def _once(self, entry: Entry, what: str) -> _Once:
        return _Once(self, entry, what)


class _Once:
    """Guards the resolution of a declaration against needing itself."""

    def __init__(self, checker: PackageChecker, entry: Entry, what: str) -> None:
        self.checker, self.entry, self.what = checker, entry, what

    def __enter__(self) -> bool:
        busy, name = self.checker._busy, self.entry.node.name
        self.fresh = name.value not in busy
        if not self.fresh:
            ring = " → ".join([*busy[busy.index(name.value) :], name.value])
            self.checker.reporter.error("cyclic-definition", f"{self.what} `{name.value}` needs itself: {ring}", name.span)
        busy.append(name.value)
        return self.fresh

    def __exit__(self, *_: object) -> None:
        self.checker._busy.pop()


def _called(type: Type, name: str) -> Type:
    """The type under the name it was declared with."""
    if isinstance(type, Words | KeyOf) and type.name is None:
        return replace(type, name=name)
    return type
