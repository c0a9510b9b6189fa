"""Floor 2, language: the formatter. `render(node)` writes a tree as the parser reads it back.

A file keeps its comments and, between its parts, one blank line where the author had some. Single expressions and types are
written on one line, for messages.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import assert_never

from abac.language import nodes as n
from abac.language.expression_printer import ExpressionPrinter
from abac.language.layout import WIDTH, Align, Blank, Break, Choice, Doc, Mark, Nest, group, lines_of, measure, on_one_line, with_comments
from abac.language.operators import Level
from abac.language.spelling import spell_duration, spell_string
from abac.model.schema import DutyKind

_CLAUSE_WIDTH = len("because ")
_AGE = re.compile(r"<=\s*\d+[ \t]+(\w+?)s?\b")
_DUTY_WORDS = {DutyKind.OBLIGATION: "oblige", DutyKind.ADVICE: "advise"}
_BLOCKS = (n.RecordDeclaration, n.EntityDeclaration, n.ContextDeclaration, n.Policy, n.Test)

Renderable = n.File | n.Declaration | n.Rule | n.Duty | n.Expression | n.TypeExpression


def render(node: Renderable, width: int = WIDTH) -> str:
    """The text of a file, with a line end at its end, or of a part of one, without comments and without a line end."""
    match node:
        case n.File():
            printer = Printer(node.source.text, node.comments)
            return with_comments(lines_of(printer.file(node, width), width), node.comments, node.source.text) + "\n"
        case n.Rule():
            return _lines(Printer().rule(node), width)
        case n.Duty():
            return _lines(Printer().duty(node), width)
        case (
            n.TypeDeclaration() | n.RecordDeclaration() | n.EntityDeclaration() | n.ContextDeclaration() | n.ActionDeclaration()
            | n.DutyDeclaration() | n.ConstDeclaration() | n.DataDeclaration() | n.Definition() | n.Policy() | n.Test()
        ):  # fmt: skip
            return _lines(Printer().declaration(node), width)
        case n.NamedType() | n.AppliedType() | n.KeyType() | n.UnionType() | n.OptionalType():
            return on_one_line(Printer().type(node))
        case _:
            return on_one_line(Printer().expression(node))


def _lines(doc: Doc, width: int) -> str:
    return with_comments(lines_of(doc, width), (), "")


class Printer(ExpressionPrinter):
    """The documents of files, declarations, policies and rules."""

    def file(self, node: n.File, room: int) -> Doc:
        keyword = max(0, self.text.rfind("package", 0, node.package.span.start))
        parts: list[Doc] = [Mark(keyword), "package ", self._word(node.package)]
        for i, imported in enumerate(node.imports):
            blank = Blank.KEEP if i else Blank.ALWAYS
            parts += [Break(blank=blank), Mark(imported.span.start), "import ", imported.name, Mark(imported.span.end)]
        after_block = True
        for declaration in node.declarations:
            shown = self.declaration(declaration)
            block = isinstance(declaration, _BLOCKS) and self._is_long(declaration, shown, room)
            parts += [Break(blank=Blank.ALWAYS if block or after_block else Blank.KEEP), shown]
            after_block = block
        return tuple(parts)

    def _is_long(self, declaration: n.Declaration, shown: Doc, room: int) -> bool:
        """Whether a declaration takes several lines."""
        width, broken = measure(shown)
        return isinstance(declaration, n.Policy | n.Test) or broken or width > room

    def declaration(self, node: n.Declaration) -> Doc:
        return (Mark(node.span.start), self._bare_declaration(node), Mark(node.span.end))

    def _bare_declaration(self, node: n.Declaration) -> Doc:
        match node:
            case n.TypeDeclaration(name=name, type=type):
                return ("type ", self._word(name), " = ", self.type(type))
            case n.RecordDeclaration(name=name, fields=fields):
                return ("record ", self._word(name), " ", self._fields(fields, name, node))
            case n.EntityDeclaration(name=name, parents=parents, key=key, fields=fields):
                above: Doc = (" in ", self._words(parents, ", ")) if parents else ""
                return ("entity ", self._word(name), above, " key ", self._word(key), " ", self._fields(fields, key, node))
            case n.ContextDeclaration(fields=fields):
                return ("context ", self._fields(fields, None, node))
            case n.ActionDeclaration(names=names, subjects=subjects, resources=resources):
                actions = self._listed("action ", [self._word(w) for w in names], names)
                return (actions, ": ", self._words(subjects, " | "), " -> ", self._words(resources, " | "))
            case n.DutyDeclaration(kind=kind, signatures=signatures):
                return self._listed(f"{kind} ", [self._signature(s) for s in signatures], signatures)
            case n.ConstDeclaration(name=name, type=type, value=value):
                return self._defined("const ", name, (), type, value)
            case n.DataDeclaration(name=name, type=type, format=format, file=file, key=key):
                by: Doc = (" key ", self._word(key)) if key else ""
                return ("data ", self._word(name), ": ", self.type(type), " = ", format, " ", self._text(file), by)
            case n.Definition(name=name, parameters=parameters, type=type, body=body):
                return self._defined("define ", name, parameters, type, body)
            case n.Policy():
                return self.policy(node)
            case n.Test():
                return self.test(node)
            case unknown:
                assert_never(unknown)

    def _defined(
        self, keyword: str, name: n.Word, parameters: Sequence[n.Parameter], type: n.TypeExpression | None, value: n.Expression
    ) -> Doc:
        head: Doc = (keyword, self._word(name), self._parameters(parameters, name.span.end, value.span.start) if parameters else "")
        if type is not None:
            head = (head, ": ", self.type(type))
        if isinstance(value, n.SetLiteral | n.ListLiteral | n.RecordLiteral):
            return (head, " = ", self.expression(value))
        last = type or (parameters[-1] if parameters else name)
        return group((head, " =", Nest((Break(), self.expression(value)))), self.between(last, value))

    # ── small parts ────────────────────────────────────────────────────────────────────────────────────────

    def _word(self, word: n.Word) -> Doc:
        return (Mark(word.span.start), word.value, Mark(word.span.end))

    def _words(self, words: Sequence[n.Word], separator: str) -> Doc:
        return tuple((separator if i else "", self._word(word)) for i, word in enumerate(words))

    def _text(self, text: n.Text) -> Doc:
        return (Mark(text.span.start), spell_string(text.value), Mark(text.span.end))

    def _listed(self, keyword: str, items: Sequence[Doc], nodes: Sequence[n.Node]) -> Doc:
        """A list without brackets: as many items a line as fit."""
        parts: list[Doc] = []
        for i, item in enumerate(items):
            shown: Doc = (item, "," if i < len(items) - 1 else "")
            parts.append(group((Break(), shown), self.between(nodes[i - 1], nodes[i])) if i else shown)
        return (keyword, Align(tuple(parts)))

    def _parameters(self, parameters: Sequence[n.Parameter], start: int, end: int) -> Doc:
        items = [(self._word(p.name), ": ", self.type(p.type)) for p in parameters]
        opening = self.find("(", start, end)
        closing = self.find(")", parameters[-1].span.end if parameters else opening, end)
        return self.bracketed("(", items, ")", (opening, closing + 1))

    def _signature(self, node: n.DutySignature) -> Doc:
        id: Doc = (" as ", spell_string(node.id)) if node.id is not None else ""
        parameters = self._parameters(node.parameters, node.span.start, node.span.end)
        return (Mark(node.span.start), node.name, parameters, id, Mark(node.span.end))

    def _fields(self, fields: Sequence[n.FieldDeclaration], last: n.Word | None, node: n.Declaration) -> Doc:
        """On one line if the author wrote the declaration on one line; otherwise the types stand in a column."""
        labels = [f"{'clock ' * f.clock}{'sensitive ' * f.sensitive}{f.name.value}:" for f in fields]
        column = max((len(label) for label in labels), default=0) + 1
        if not fields:
            return self._empty_block(last.span.end if last else node.span.start, node)
        parts: list[Doc] = []
        for i, (field, label) in enumerate(zip(fields, labels, strict=True)):
            pad = Choice(" " * (column - len(label)), " ")
            absent = " = absent" if field.absent else ""
            age = "" if field.max_age is None else f" (age <= {self._age(field, field.max_age)})"
            comma = Choice("", ",") if i < len(fields) - 1 else ""
            parts += [
                Break(blank=Blank.KEEP if i else Blank.FIRST), Mark(field.span.start), label, pad, self.type(field.type), absent, age,
                comma, Mark(field.span.end),
            ]  # fmt: skip
        return group(("{", Nest(tuple(parts)), Break(blank=Blank.LAST), Mark(node.span.end - 1), "}"), "\n" in node.span.text)

    def _age(self, field: n.FieldDeclaration, max_age: dt.timedelta) -> str:
        """A maximum age in the unit that the author chose, where the source is at hand."""
        written = [*_AGE.finditer(self.text, field.span.start, field.span.end)]
        return spell_duration(max_age, written[-1][1] if written else "")

    def _empty_block(self, start: int, node: n.Declaration) -> Doc:
        end = node.span.end
        return self.bracketed("{", (), "}", (self.find("{", start, end), end))

    # ── policies and rules ─────────────────────────────────────────────────────────────────────────────────

    def policy(self, node: n.Policy) -> Doc:
        head: Doc = ("policy ", self._word(node.name), (" ", self._text(node.title)) if node.title else "", ": ", node.algorithm, " ")
        clauses: list[tuple[str, Doc]] = []
        if node.target is not None:
            clauses.append(("target", Align(self.expression(node.target))))
        if node.effective is not None:
            clauses.append(("effective", Align(self.operand(node.effective, Level.RANGE))))
        if node.citations:
            clauses.append(("cite", self._citations(node.citations)))
        words = [word for word, _ in clauses] + [_DUTY_WORDS[duty.kind] for duty in node.duties]
        width = max(map(len, words), default=0) + 1
        shown_clauses: list[Doc] = [(f"{word:<{width}}", clause) for word, clause in clauses]
        shown_clauses += [self.duty(duty, width) for duty in node.duties]
        parts: list[Doc] = [(Break(blank=Blank.KEEP if i else Blank.FIRST), clause) for i, clause in enumerate(shown_clauses)]
        for child in node.children:
            shown = self.rule(child) if isinstance(child, n.Rule) else self.declaration(child)
            parts.append((Break(blank=Blank.ALWAYS if parts else Blank.FIRST), shown))
        if not parts:
            return (head, self._empty_block((node.title or node.name).span.end, node))
        return (head, "{", Nest(tuple(parts)), Break(blank=Blank.LAST), Mark(node.span.end - 1), "}")

    def rule(self, node: n.Rule) -> Doc:
        head: Doc = (node.effect, " ", self._word(node.name), (" ", self._text(node.title)) if node.title else "")
        clauses = self._condition(node.condition) if node.condition else []
        if node.condition and node.condition.otherwise:
            head = (head, " otherwise", Mark(node.condition.span.end))
        if node.code:
            clauses.append(("code", self._word(node.code)))
        if node.because:
            clauses.append(("because", self._text(node.because)))
        if node.citations:
            clauses.append(("cite", self._citations(node.citations)))
        shown: list[Doc] = [(Break(), f"{word:<{_CLAUSE_WIDTH}}", Align(doc)) for word, doc in clauses]
        shown += [(Break(), self.duty(duty, _CLAUSE_WIDTH)) for duty in node.duties]
        return (Mark(node.span.start), head, Nest(tuple(shown)), Mark(node.span.end))

    def _condition(self, node: n.Condition) -> list[tuple[str, Doc]]:
        clauses: list[tuple[str, Doc]] = []
        if node.witness is not None:
            some: Doc = ("some ", node.witness.variable, " in ", self.operand(node.witness.collection, Level.SUM))
            clauses.append(("for", (Mark(node.witness.span.start), some, Mark(node.witness.span.end))))
        if node.when is not None:
            clauses.append(("when", self.expression(node.when)))
        if node.unless is not None:
            clauses.append(("unless", self.expression(node.unless)))
        if node.even_if_unknown:
            keyword = self.text.rfind("even", node.span.start, node.span.end)
            clauses.append(("even if unknown", (Mark(keyword), Mark(node.span.end)) if keyword >= 0 else ()))
        return clauses

    def _citations(self, citations: Sequence[n.Expression]) -> Doc:
        return self._listed("", [self.operand(c, Level.SUM) for c in citations], citations)

    def duty(self, node: n.Duty, width: int = 0) -> Doc:
        calls = self._listed(f"{_DUTY_WORDS[node.kind] + ' ':<{width}}", [self._duty_call(c) for c in node.calls], node.calls)
        parts: list[Doc] = [calls]
        if node.effect is not None:
            parts.append(f" on {node.effect}")
        if node.guard is not None:
            words = "unless " if node.guard_negated else "if "
            broken = node.effect is None and self.between(node.calls[-1], node.guard)
            parts.append(group((Break(), words, Align(self.expression(node.guard))), broken))
        return (Mark(node.span.start), Align(Nest(tuple(parts))), Mark(node.span.end))

    def _duty_call(self, node: n.DutyCall) -> Doc:
        return (Mark(node.span.start), node.name, self.arguments(node.arguments, node.span.start, node.span.end), Mark(node.span.end))

    # ── tests ──────────────────────────────────────────────────────────────────────────────────────────────

    def test(self, node: n.Test) -> Doc:
        source: Doc = (" from ", self._text(node.file)) if node.file else ""
        parts: list[Doc] = [Break(blank=Blank.FIRST), "given ", self._text(node.given), source]
        for edit in node.edits:
            parts += [Break(blank=Blank.KEEP), Mark(edit.span.start), self._edit(edit), Mark(edit.span.end)]
        found = node.expectation
        parts += [Break(blank=Blank.KEEP), Mark(found.span.start), self._expectation(found), Mark(found.span.end)]
        return ("test ", self._text(node.title), " {", Nest(tuple(parts)), Break(blank=Blank.LAST), Mark(node.span.end - 1), "}")

    def _edit(self, node: n.Edit) -> Doc:
        steps = [f"[{s.value}]" if isinstance(s.value, int) else f".{s.value}" for s in node.path]
        path = "".join(steps).removeprefix(".")
        return ("remove ", path) if node.value is None else ("set ", path, " = ", Align(self.expression(node.value)))

    def _expectation(self, node: n.Expectation) -> Doc:
        if node.effect is None or node.rule is None:
            return "expect no permit"
        parts: list[Doc] = [f"expect {node.effect} ", self._word(node.rule)]
        before: DutyKind | None = None
        for kind, call in node.duties:
            word: Doc = "," if kind is before else ""
            parts.append((word, Nest(group((Break(), "" if word else f"{_DUTY_WORDS[kind]} ", self._duty_call(call))))))
            before = kind
        return tuple(parts)
