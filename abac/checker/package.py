"""Floor 3, checker: the declarations of one package: what requests contain, constants, data, definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from abac.checker import guards, limits, ordering, tables
from abac.checker.constants import fold
from abac.checker.declared_types import DeclaredTypes
from abac.checker.expressions import ExpressionChecker
from abac.checker.guards import Summary
from abac.checker.place import Place
from abac.checker.reporter import Reporter
from abac.checker.scope import ROOTS, Scope, TypeNode, own_declarations
from abac.checker.types import ERROR, Typing
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.library.functions import FUNCTIONS
from abac.model.schema import Action, Context, DutyKind, DutySignature, Entity, Field, Record, Schema
from abac.model.source import Span
from abac.model.types import INSTANT, EntityOf, RecordOf, TableOf, Type, Words
from abac.model.values import CauseKind, EntityValue, ListValue, RecordValue, Table, Unknown, Value

ReadData = Callable[[str], bytes]


@dataclass(slots=True)
class Shared:
    """What all packages of one load have in common. Tables and definitions go by qualified names; types and duties by bare ones.

    Attributes:
        owners: who resolves a type, and its declaration. Invariant: the names of types are unique in a load.
    """

    owners: dict[str, tuple[DeclaredTypes, TypeNode]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    entities: dict[str, Entity] = field(default_factory=dict)
    aliases: dict[str, Type] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    definitions: dict[str, c.Definition] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    duties: dict[str, DutySignature] = field(default_factory=dict)
    duty_ids: set[tuple[DutyKind, str]] = field(default_factory=set)
    checkers: dict[str, PackageChecker] = field(default_factory=dict)

    def data_schema(self) -> Schema:
        """What data files may contain."""
        return Schema(records=self.records, entities=self.entities)


class PackageChecker:
    """Types first, then data, then constants and definitions, each after those it uses: the order in the source means nothing."""

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
        self._constants: dict[str, c.Constant | None] = {}
        self._data: dict[str, TableOf | c.Constant | None] = {}
        self._definitions: dict[str, c.Definition | None] = {}
        self.types = DeclaredTypes(self)
        self.expressions = ExpressionChecker(self)
        shared.checkers[name] = self

    # ── everything, once ───────────────────────────────────────────────────────────────────────────────────

    def declare(self) -> None:
        """Resolve every declaration except policies and tests."""
        self._own_types()
        order = self._order()
        declared = list(own_declarations(self.files))
        for name in order:
            if isinstance(self.scope.entries[name].node, n.TypeDeclaration):
                self.types.alias(name)
        for declaration in declared:
            match declaration:
                case n.RecordDeclaration():
                    self.types.own_record(declaration)
                case n.EntityDeclaration():
                    self.types.own_entity(declaration)
        self._declare_requests()
        for declaration in declared:
            match declaration:
                case n.DutyDeclaration():
                    self._declare_duties(declaration)
                case n.DataDeclaration(name=word) if self._is_own(declaration):
                    self.data(word.value)
        for name in order:
            match self.scope.entries[name].node:
                case n.ConstDeclaration():
                    self.constant(name)
                case n.Definition():
                    self.definition(name)

    def _is_own(self, declaration: n.DataDeclaration) -> bool:
        entry = self.scope.entries.get(declaration.name.value)
        return entry is not None and entry.node is declaration

    def _own_types(self) -> None:
        """The names of types are unique in a load, also where one package does not see the other."""
        for name, entry in self.scope.entries.items():
            if entry.package != self.name or not isinstance(entry.node, TypeNode):
                continue
            earlier = self.shared.owners.setdefault(name, (self.types, entry.node))
            if earlier[1] is not entry.node:
                owner = earlier[0].package.name
                help = f"declared at {earlier[1].name.span.place}; rename one of them"
                self.reporter.error("duplicate-name", f"package `{owner}` declares `{name}` too", entry.node.name.span, help=help)
                self.scope.broken |= {name}

    def _order(self) -> tuple[str, ...]:
        """The names of this package's types, constants and definitions, each after those it uses; a ring is an error."""
        nodes: dict[str, ordering.Resolved] = {}
        for name, entry in self.scope.entries.items():
            if entry.package == self.name and isinstance(entry.node, ordering.Resolved):
                nodes[name] = entry.node
        order = ordering.order(nodes)
        for ring in order.rings:
            first = nodes[ring[0]]
            what = {n.TypeDeclaration: "type", n.ConstDeclaration: "constant", n.Definition: "definition"}[type(first)]
            shown = " → ".join((*ring, ring[0]))
            self.reporter.error("cyclic-definition", f"{what} `{ring[0]}` needs itself: {shown}", first.name.span)
            for name in ring:
                self.types.aliases[name] = ERROR
                self._constants[name] = self._definitions[name] = None
        return order.names

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────────

    def _declare_requests(self) -> None:
        contexts = [d for d in own_declarations(self.files) if isinstance(d, n.ContextDeclaration)]
        for extra in contexts[1:]:
            self.reporter.error(
                "duplicate-name", "there are two `context` blocks", extra.span, help=f"the first is at {contexts[0].span.place}"
            )
        if contexts:
            self._declare_context(contexts[0])
        elif self.scope.excuses("context"):
            self.roots |= dict.fromkeys(("context", "now"), ERROR)
        self.roots["context"] = self.roots["context"] or RecordOf("context")
        for declaration in own_declarations(self.files):
            if isinstance(declaration, n.ActionDeclaration):
                self._declare_actions(declaration)
        if self.actions:
            actions = self.actions.values()
            self.roots["action"] = Words(tuple(self.actions), name="action")
            self.roots["subject"] = EntityOf(tuple(sorted({s for a in actions for s in a.subjects})))
            self.roots["resource"] = EntityOf(tuple(sorted({r for a in actions for r in a.resources})))
        elif any(file.broken for file in self.files) or any(isinstance(d, n.ActionDeclaration) for d in own_declarations(self.files)):
            self.roots |= dict.fromkeys(("action", "subject", "resource"), ERROR)

    def _declare_context(self, declaration: n.ContextDeclaration) -> None:
        fields = self.types.fields_of(declaration.fields, None)
        clocks = [f for f in declaration.fields if f.clock]
        for clock in clocks:
            if fields[clock.name.value].type not in (INSTANT, ERROR) or clock is not clocks[0]:
                help = "only one" if clock is not clocks[0] else f"declare it `clock {clock.name.value}: Instant`"
                self.reporter.error("bad-clock", "the clock is one Instant that is never absent", clock.span, help=help)
        self.context = Context(fields, clocks[0].name.value if clocks else None)
        if clocks:
            self.roots["now"] = ERROR if fields[clocks[0].name.value].type is ERROR else INSTANT

    def _declare_actions(self, declaration: n.ActionDeclaration) -> None:
        sides = []
        for words in (declaration.subjects, declaration.resources):
            known = [word.value for word in words if self.types.entity(word.value, word.span)]
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
            made = DutySignature(signature.name, signature.name if signature.id is None else signature.id, declaration.kind, parameters)
            same_id = (made.kind, made.id) in self.shared.duty_ids
            if made.name in self.duties or same_id:
                shown = made.name if made.name in self.duties else made.id
                self.reporter.error("duplicate-name", f"{declaration.kind} `{shown}` is declared twice", signature.span)
            if self.duties.setdefault(signature.name, made) is made:
                self.shared.duty_ids.add((made.kind, made.id))

    def schema(self) -> Schema:
        """What requests may contain, as this package sees it."""
        s = self.shared
        return Schema(s.aliases, s.records, s.entities, self.context, self.actions, s.duties)

    # ── what expressions ask for ───────────────────────────────────────────────────────────────────────────

    def record(self, name: str, span: Span) -> Record | None:
        return self.types.record(name, span)

    def entity(self, name: str, span: Span) -> Entity | None:
        return self.types.entity(name, span)

    def fields(self, owner: str) -> Mapping[str, Field]:
        """The attributes of a record, an entity, or the context."""
        return self.context.fields if owner == "context" else self.types.fields(owner)

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
            assert isinstance(entry.node, n.ConstDeclaration)
            self._constants[name] = None  # what a name that hides this one may lead back to
            self._constants[name] = self._fold_constant(entry.node)
        return self._constants[name]

    def _fold_constant(self, node: n.ConstDeclaration) -> c.Constant | None:
        found = self.expressions.check(node.value, Place(roots="constant"))
        if node.type is not None:
            found = self.expressions.fit(found, self.types.present(node.type, "a constant is never absent", "leave out the `?`"))
        if found.type is ERROR:
            return None
        value = fold(found)
        if value is None or isinstance(value, Unknown):
            help = "use `define` for what is computed"
            self.reporter.error("not-constant", f"`{node.name.value}` is not constant", node.value.span, help=help)
            return None
        return c.Constant(value, found.type, node.name.value, type=found.type, span=node.value.span)

    def data(self, name: str) -> TableOf | c.Constant | None:
        entry = self.scope.entries[name]
        if entry.package != self.name:
            return self.shared.checkers[entry.package].data(name)
        if name not in self._data:
            self._data[name] = None
            assert isinstance(entry.node, n.DataDeclaration)
            self._data[name] = tables.load(self, entry.node, entry.qualified)
        return self._data[name]

    def rows(self, qualified: str) -> Mapping[Value, RecordValue]:
        return self.shared.tables[qualified].rows

    # ── definitions ────────────────────────────────────────────────────────────────────────────────────────

    def definition(self, name: str) -> c.Definition | None:
        entry = self.scope.entries[name]
        if entry.package != self.name:
            return self.shared.checkers[entry.package].definition(name)
        if name not in self._definitions:
            assert isinstance(entry.node, n.Definition)
            self._definitions[name] = None  # as for constants
            made = self._definitions[name] = self._define(entry.node, entry.qualified)
            if made is not None:
                self.shared.definitions[made.name] = made
        return self._definitions[name]

    def _parameters(self, declared: tuple[n.Parameter, ...]) -> tuple[tuple[str, Type], ...]:
        found: dict[str, Type] = {}
        for each in declared:
            type_ = self.types.present(each.type, "a parameter is never absent", "guard the argument where it is given")
            if each.name.value in found:
                self.reporter.error("duplicate-name", f"two parameters are called `{each.name.value}`", each.name.span)
            found.setdefault(each.name.value, type_)
        return tuple(found.items())

    def _define(self, node: n.Definition, qualified: str) -> c.Definition | None:
        name = node.name
        if name.value in FUNCTIONS:
            help = "choose another name"
            self.reporter.error("duplicate-name", f"`{name.value}` is a built-in function", name.span, help=help)
        parameters = self._parameters(node.parameters)
        types = dict(parameters)
        place = Place(parameters=frozenset(types), roots="library" if self.library else "known")
        for parameter in node.parameters:
            if parameter.name.value not in place.variables:
                place = self.expressions.bind(parameter.name.value, types[parameter.name.value], parameter.name.span, place)
        body = self.expressions.check(node.body, place)
        if node.type is not None:
            declared = self.types.present(node.type, "a definition is never absent", "leave out the `?`")
            body = self._declared_as(body, declared)
        if body.type is ERROR or any(t is ERROR for _, t in parameters):
            return None
        summary = Summary(tuple(p for p, _ in parameters), limits.measure(body, self.summaries))
        summary.when_true = guards.for_callers(guards.when(body, True, self.summaries))
        summary.when_false = guards.for_callers(guards.when(body, False, self.summaries))
        for requirement in place.requirements:
            summary.requires.setdefault(requirement.fact, requirement.span)
        if not limits.within(summary.measure, name.span, self.reporter):
            return None
        self.summaries[qualified] = summary
        return c.Definition(qualified, parameters, body, span=node.span)

    def _declared_as(self, body: c.Expression, declared: Type) -> c.Expression:
        fitted = self.expressions.fit(body, declared)
        return fitted if fitted.type is ERROR or declared is ERROR or fitted.type == declared else replace(fitted, type=declared)

    def report_unmet_requirements(self) -> None:
        """Definitions that nobody calls are held to what they read themselves."""
        for definition in self._definitions.values():
            if definition is not None and definition.name not in self.called:
                for fact, span in self.summaries[definition.name].requires.items():
                    self.expressions.report_unguarded(fact, span)

    def report_idle_declarations(self) -> None:
        """What takes no part in decisions because it stands in an imported package."""
        for declaration in own_declarations(self.files):
            what = _IDLE.get(type(declaration))
            if what is not None:
                help = "an import brings types, constants, data, definitions and duties"
                span = declaration.name.span if isinstance(declaration, n.Policy) else declaration.span
                self.reporter.warning("idle-declaration", f"{what} no part: it stands in an imported package", span, help=help)


_IDLE: dict[type, str] = {
    n.Policy: "this policy takes",
    n.ContextDeclaration: "this context takes",
    n.ActionDeclaration: "this signature takes",
}
