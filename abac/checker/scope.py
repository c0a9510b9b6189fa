"""Floor 3, checker: what the names of a package stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from abac.checker.reporter import Reporter
from abac.language import nodes as n
from abac.language.library.times import WEEKDAY
from abac.model.source import Span
from abac.model.types import DECLARABLE, LOCAL_TIME

Named = n.TypeDeclaration | n.RecordDeclaration | n.EntityDeclaration | n.ConstDeclaration | n.DataDeclaration | n.Definition
TypeNode = n.TypeDeclaration | n.RecordDeclaration | n.EntityDeclaration
ROOTS = ("subject", "action", "resource", "context", "now")
BUILT_IN_TYPES = frozenset((*DECLARABLE, LOCAL_TIME.name, "Interval", "Set", "List", str(WEEKDAY.name)))


@dataclass(frozen=True, slots=True)
class Entry:
    """A declaration and the package it stands in."""

    package: str
    node: Named

    @property
    def qualified(self) -> str:
        return f"{self.package}.{self.node.name.value}"


@dataclass(slots=True)
class Scope:
    """The names one package sees: its own, and those of the packages it imports.

    `broken` are names whose declaration could not be read; `blind` is a scope that lacks an import. About what may have been declared
    there nothing is said.
    """

    package: str
    entries: dict[str, Entry] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    blind: bool = False

    def excuses(self, name: str) -> bool:
        """Whether a name that is not known may be so because of another mistake."""
        return self.blind or name in self.broken

    def declare(self, entry: Entry, reporter: Reporter) -> None:
        name = entry.node.name
        earlier = self.entries.get(name.value)
        if name.value in ROOTS:
            reporter.error("reserved-name", f"`{name.value}` is part of every request", name.span, help="choose another name")
            self.broken |= {name.value}
        elif name.value in BUILT_IN_TYPES:
            reporter.error("reserved-name", f"`{name.value}` is a built-in type", name.span, help="choose another name")
            self.broken |= {name.value}
        elif earlier is not None:
            report_duplicate(reporter, "name", name.value, name.span, earlier.node.name.span)
            self.broken |= {name.value}
        else:
            self.entries[name.value] = entry

    def see(self, other: Scope, at: Span, reporter: Reporter) -> None:
        """Import the names that the other package declares itself."""
        for name, entry in other.entries.items():
            if entry.package != other.package:
                continue
            if name in self.entries:
                earlier = self.entries[name]
                where = "here" if earlier.package == self.package else f"in package `{earlier.package}`"
                help = f"at {earlier.node.name.span.place}; rename one of them"
                reporter.error("duplicate-name", f"`{name}` of package `{other.package}` is declared {where} too", at, help=help)
                self.broken |= {name}
            else:
                self.entries[name] = entry
        self.broken |= other.broken
        self.blind |= other.blind

    def names(self, *kinds: type) -> Iterator[str]:
        return (name for name, entry in self.entries.items() if isinstance(entry.node, kinds))


def report_duplicate(reporter: Reporter, what: str, name: str, span: Span, earlier: Span) -> None:
    reporter.error("duplicate-name", f"{what} `{name}` is declared twice", span, help=f"first declared at {earlier.place}")


def own_declarations(files: tuple[n.File, ...]) -> Iterator[n.Declaration]:
    for file in files:
        yield from file.declarations


def collect(package: str, files: tuple[n.File, ...], imported: Mapping[str, Scope], reporter: Reporter) -> Scope:
    """The scope of a package."""
    scope = Scope(package, broken=frozenset(name for file in files for name in file.broken))
    for declaration in own_declarations(files):
        if isinstance(declaration, Named):
            scope.declare(Entry(package, declaration), reporter)
    seen: set[str] = set()
    for file in files:
        for clause in file.imports:
            if clause.name not in imported:
                scope.blind = True
            elif clause.name not in seen:
                seen.add(clause.name)
                scope.see(imported[clause.name], clause.span, reporter)
    return scope
