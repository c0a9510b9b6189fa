"""Floor 4, compiler: the text of a generated module, made from the tree that is compiled and never parsed again.

There are two layouts. The flat one has a statement a line: its line numbers are known without printing anything, so they are what
tracebacks and `inspect` count by. The other is laid out for people who read generated code; printing it takes longer than compiling.
"""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import BuiltinFunctionType
from typing import Any
from zoneinfo import ZoneInfo

from abac.compiler.forms import Form, Several
from abac.language import checked as c
from abac.model.text import show
from abac.model.types import Words
from abac.model.values import EntityValue, Interval, ListValue, RecordValue, SetValue, Table

WIDE = 100
_STEP = "    "
_SHORT = 40
_DEEPEST = 60
"""Columns of indentation beyond which an expression stays on one line."""

_LOOSE = (ast.BoolOp, ast.IfExp, ast.NamedExpr, ast.Lambda)
_UNLIKE = (*_LOOSE, ast.Compare, ast.UnaryOp)
"""What needs parentheses beside `or`, and beside a comparison."""

_TIGHT = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.List, ast.Tuple, ast.Dict)


Comments = Mapping[int, str]
"""By the identity of the statement they belong to: what a function or test is in the policy's words."""


def number(functions: Sequence[ast.FunctionDef], comments: Comments) -> ast.Module:
    """The module, every node with its line in the flat layout."""
    for line, (_, statement) in enumerate(_flat(functions, comments), 1):
        if not isinstance(statement, str):
            for part in _header(statement):
                _place(part, line)
            _set(statement, line, line)
    return ast.Module(list(functions), [])


def flat_text(functions: Sequence[ast.FunctionDef], comments: Comments) -> str:
    """The flat layout, of a numbered module: a statement a line, however long."""
    lines = (_STEP * depth + (s if isinstance(s, str) else _shown(s)) for depth, s in _flat(functions, comments))
    return "".join(f"{line}\n" for line in lines)


Line = ast.stmt | ast.ExceptHandler | str


def _flat(functions: Iterable[ast.stmt], comments: Comments, depth: int = 0) -> Iterator[tuple[int, Line]]:
    """The lines of the flat layout: statements, comments and empty lines, each with its depth."""
    for order, each in enumerate(functions):
        if order and depth == 0:
            yield from ((0, ""), (0, ""))
        if id(each) in comments:
            yield depth, f"# {_plain(comments[id(each)])}"
        yield depth, each
        if isinstance(each, ast.FunctionDef | ast.If | ast.For | ast.Try):
            yield from _flat(each.body, comments, depth + 1)
        if isinstance(each, ast.If) and each.orelse:
            yield depth, "else:"
            yield from _flat(each.orelse, comments, depth + 1)
        if isinstance(each, ast.Try):
            for handler in each.handlers:
                yield depth, handler
                yield from _flat(handler.body, comments, depth + 1)


def _header(statement: ast.stmt | ast.ExceptHandler) -> Iterator[ast.AST]:
    """What of a statement stands on its own line."""
    match statement:
        case ast.FunctionDef(args=args):
            yield args
        case ast.If(test=test):
            yield test
        case ast.For(target=target, iter=iterated):
            yield from (target, iterated)
        case ast.ExceptHandler(type=type_) if type_ is not None:
            yield type_
        case ast.Try():
            return
        case _:
            yield from ast.iter_child_nodes(statement)


def _shown(statement: ast.stmt | ast.ExceptHandler) -> str:
    match statement:
        case ast.FunctionDef(name=identifier, args=args):
            return f"def {identifier}({ast.unparse(args)}):"
        case ast.Try():
            return "try:"
        case ast.ExceptHandler(type=type_) if type_ is not None:
            return f"except {ast.unparse(type_)}:"
        case ast.If(test=test):
            return f"if {ast.unparse(test)}:"
        case ast.For(target=target, iter=iterated):
            return f"for {ast.unparse(target)} in {ast.unparse(iterated)}:"
    return ast.unparse(statement)


@dataclass(slots=True)
class Listing:
    """`comments` are printed above the statement they belong to: what a function or test is in the policy's words."""

    comments: Mapping[int, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def module(self, functions: Sequence[ast.stmt]) -> ast.Module:
        for each in functions:
            if self.lines:
                self.lines += ["", ""]
            self.statement(each, "")
        return ast.Module(list(functions), [])

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    # ── statements ─────────────────────────────────────────────────────────────────────────────────────────

    def statement(self, node: ast.stmt, indent: str) -> None:
        if id(node) in self.comments:
            self.lines.append(f"{indent}# {_plain(self.comments[id(node)])}")
        first = len(self.lines) + 1
        match node:
            case ast.FunctionDef(name=identifier, args=args, body=body):
                self.lines.append(f"{indent}def {identifier}({ast.unparse(args)}):")
                _place(args, first)
                self._block(body, indent)
            case ast.If():
                self._if(node, indent, "if ")
            case ast.For(target=target, iter=iterated, body=body):
                self._lay(iterated, indent, f"for {ast.unparse(target)} in ", ":")
                _place(target, first)
                self._block(body, indent)
            case ast.Assign(targets=[target], value=made):
                self._lay(made, indent, f"{ast.unparse(target)} = ", "")
                _place(target, first)
            case ast.Return(value=made) if made is not None:
                self._lay(made, indent, "return ", "")
            case ast.Expr(value=made):
                self._lay(made, indent, "", "")
            case ast.Break() | ast.Raise(exc=None):
                self.lines.append(f"{indent}{ast.unparse(node)}")
            case ast.Try(body=body, handlers=handlers):
                self.lines.append(f"{indent}try:")
                self._block(body, indent)
                for handler in handlers:
                    assert handler.type is not None
                    self.lines.append(f"{indent}except {ast.unparse(handler.type)}:")
                    _place(handler.type, len(self.lines))
                    handler.lineno, handler.end_lineno, handler.col_offset, handler.end_col_offset = len(self.lines), len(self.lines), 0, 0
                    self._block(handler.body, indent)
            case _:
                raise AssertionError(f"no statement of generated code: {ast.dump(node)}")
        node.lineno, node.end_lineno, node.col_offset, node.end_col_offset = first, len(self.lines), 0, 0

    def _if(self, node: ast.If, indent: str, word: str) -> None:
        """`if`, and what follows otherwise: `elif` or `else`."""
        self._lay(node.test, indent, word, ":")
        self._block(node.body, indent)
        match node.orelse:
            case []:
                pass
            case [ast.If() as other] if id(other) not in self.comments:
                self._if(other, indent, "elif ")
                _set(other, len(self.lines), len(self.lines))
            case otherwise:
                self.lines.append(f"{indent}else:")
                self._block(otherwise, indent)

    def _block(self, body: Sequence[ast.stmt], indent: str) -> None:
        for each in body:
            self.statement(each, indent + _STEP)

    # ── expressions ────────────────────────────────────────────────────────────────────────────────────────

    def _lay(self, node: ast.expr, indent: str, before: str, after: str, inside: bool = False) -> None:
        """The expression between two texts: on one line if it fits, else on several. `inside`: brackets are open around it."""
        text = ast.unparse(node)
        first = len(self.lines) + 1
        fits = len(indent) + len(before) + len(text) + len(after) <= WIDE
        if fits or len(indent) >= _DEEPEST or not self._broken(node, indent, before, after, inside):
            self.lines.append(f"{indent}{before}{text}{after}")
            _place(node, first)
        else:
            _set(node, first, len(self.lines))

    def _broken(self, node: ast.expr, indent: str, before: str, after: str, inside: bool) -> bool:
        """Lays it out on several lines, or does nothing: some expressions have no place for a line to end."""
        match node:
            case ast.Call(func=ast.Name() | ast.Attribute(value=ast.Constant() | ast.Name()) as function, args=arguments) if arguments:
                _place(function, len(self.lines) + 1)
                self._items(arguments, indent, f"{before}{ast.unparse(function)}(", f"){after}")
            case ast.List(elts=elements) if elements:
                self._items(elements, indent, f"{before}[", f"]{after}")
            case ast.Tuple(elts=elements) if elements:
                self._items(elements, indent, f"{before}(", f"){after}")
            case ast.Dict(keys=keys, values=values) if values:
                self._entries(keys, values, indent, f"{before}{{", f"}}{after}")
            case ast.Lambda(args=args, body=body):
                _place(args, len(self.lines) + 1)
                parameters = ", ".join(a.arg for a in args.args)
                self._lay(body, indent, f"{before}lambda{' ' * bool(parameters)}{parameters}: ", after)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._operand(operand, indent, f"{before}not ", after, (*_LOOSE,))
            case ast.Attribute(value=target, attr=attr):
                self._target(target, indent, before, f".{attr}{after}")
            case ast.Subscript(value=ast.Name() as target, slice=key):
                _place(target, len(self.lines) + 1)
                self._lay(key, indent, f"{before}{target.id}[", f"]{after}", inside=True)
            case ast.Subscript(value=target, slice=key):
                self._target(target, indent, before, f"[{ast.unparse(key)}]{after}")
                _place(key, len(self.lines))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if len(shown := ast.unparse(right)) <= _SHORT:
                self._operand(left, indent, before, f" {_spelled(op)} {shown}{after}", _UNLIKE)
                _place(right, len(self.lines))
            case ast.BoolOp() | ast.IfExp() | ast.Compare() | ast.NamedExpr() | ast.BinOp():
                if inside and not before:
                    self._parts(node, indent, after)
                else:
                    self._bracketed(node, indent, before, after)
            case _:
                return False
        return True

    def _items(self, items: Sequence[ast.expr], indent: str, opening: str, closing: str) -> None:
        """One a line, each with a comma; names and constants share a line."""
        self.lines.append(f"{indent}{opening}")
        inner, filling = indent + _STEP, False
        for each in items:
            text = ast.unparse(each)
            simple = isinstance(each, ast.Name | ast.Constant)
            if simple and filling and len(self.lines[-1]) + len(text) + 2 <= WIDE:
                self.lines[-1] += f" {text},"
                _place(each, len(self.lines))
            else:
                self._operand(each, inner, "", ",", (ast.NamedExpr,))
            filling = simple
        self.lines.append(f"{indent}{closing}")

    def _entries(self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], indent: str, opening: str, closing: str) -> None:
        self.lines.append(f"{indent}{opening}")
        for key, each in zip(keys, values, strict=True):
            assert key is not None, "generated code unpacks nothing"
            _place(key, len(self.lines) + 1)
            self._operand(each, indent + _STEP, f"{ast.unparse(key)}: ", ",", (ast.NamedExpr,))
        self.lines.append(f"{indent}{closing}")

    def _target(self, target: ast.expr, indent: str, before: str, after: str) -> None:
        """What an attribute or element is taken of."""
        if isinstance(target, _TIGHT):
            self._lay(target, indent, before, after)
        else:
            self._bracketed(target, indent, before, after)

    def _operand(self, node: ast.expr, indent: str, before: str, after: str, loose: tuple[type[ast.expr], ...]) -> None:
        """In parentheses if it is of a kind that needs them here."""
        if not isinstance(node, loose):
            self._lay(node, indent, before, after, inside=True)
        elif len(indent) + len(before) + len(text := ast.unparse(node)) + len(after) + 2 <= WIDE or len(indent) >= _DEEPEST:
            self.lines.append(f"{indent}{before}({text}){after}")
            _place(node, len(self.lines))
        else:
            self._bracketed(node, indent, before, after)

    def _bracketed(self, node: ast.expr, indent: str, before: str, after: str) -> None:
        first = len(self.lines) + 1
        self.lines.append(f"{indent}{before}(")
        inner = indent + _STEP
        if len(inner) + len(text := ast.unparse(node)) <= WIDE or len(inner) >= _DEEPEST:
            self.lines.append(f"{inner}{text}")
            _place(node, len(self.lines))
        elif isinstance(node, ast.BoolOp | ast.IfExp | ast.Compare | ast.NamedExpr | ast.BinOp):
            self._parts(node, inner, "")
        else:
            self._lay(node, inner, "", "", inside=True)
        self.lines.append(f"{indent}){after}")
        _set(node, first, len(self.lines))

    def _parts(self, node: ast.expr, indent: str, after: str) -> None:
        """The operands one a line, each after its operator; brackets are open around them."""
        match node:
            case ast.BoolOp(op=op, values=values):
                word = "and " if isinstance(op, ast.And) else "or "
                for number, each in enumerate(values):
                    self._operand(each, indent, word if number else "", after if number == len(values) - 1 else "", _LOOSE)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._operand(body, indent, "", "", (ast.IfExp, ast.NamedExpr, ast.Lambda))
                self._operand(test, indent, "if ", "", (ast.IfExp, ast.NamedExpr, ast.Lambda))
                self._operand(orelse, indent, "else ", after, (ast.NamedExpr, ast.Lambda))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                self._operand(left, indent, "", "", _UNLIKE)
                for number, (comparison, each) in enumerate(zip(ops, comparators, strict=True), 1):
                    self._operand(each, indent, f"{_spelled(comparison)} ", after if number == len(ops) else "", _UNLIKE)
            case ast.BinOp(left=left, op=op, right=right):
                loose = (*_LOOSE, ast.Compare, ast.UnaryOp, ast.BinOp)
                self._operand(left, indent, "", "", loose)
                self._operand(right, indent, f"{_SUMS[type(op)]} ", after, loose)
            case ast.NamedExpr(target=target, value=made):
                _place(target, len(self.lines) + 1)
                self._operand(made, indent, f"{target.id} := ", after, (ast.NamedExpr, ast.Lambda))
            case _:
                raise AssertionError(f"no expression with operands: {ast.dump(node)}")


_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in",
    ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


_SUMS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.BitAnd: "&", ast.BitOr: "|"}


def _spelled(op: ast.cmpop) -> str:
    return _COMPARISONS[type(op)]


def legend(package: str, slots: Mapping[str, object], leaves: Mapping[str, str]) -> list[str]:
    """Comments that say what the names of a generated module are.

    Args:
        leaves: by the names of outcomes, what they are outcomes of.
    """
    lines = [
        f"Generated from package {package}.",
        "Functions are those of abac.compiler.runtime; with x_, of exact.py beside it. Attributes are slots of forms.",
    ]
    numbered = sorted(int(name[1:]) for name in slots if name[0] == "K" and name[1:].isdigit())
    lines += [f"K{n} = {described}" for n in numbered if (described := _described(slots[f"K{n}"]))]
    lines += [f"{name} = {what}" for name, what in leaves.items()]
    lines = [f"# {_plain(line)}" for line in lines]
    return [line if len(line) <= WIDE else f"{line[: WIDE - 1]}…" for line in lines]


def _described(value: Any) -> str:
    match value:
        case c.Rule(name=name):
            return f"rule {name}"
        case c.Policy(name=name):
            return f"policy {name}"
        case Table(name=name, rows=rows):
            return f"table {name.rpartition('.')[2]}, {len(rows)} rows"
        case frozenset():
            return f"{{{', '.join(sorted(map(_described, value)))}}}"
        case tuple():
            return ", ".join(map(_described, value))
        case type() | BuiltinFunctionType():
            return value.__name__
        case StrEnum() | Words():
            return str(value)
        case dict():
            plain = all(type(each) in (int, str) for each in value.values())
            return str(value) if plain else f"{len(value)} entries"
        case Form():
            return show(value._value)
        case Several(value=inside):
            return show(inside)
        case str():
            return repr(value)
        case bool() | int() | Decimal() | dt.date() | dt.time() | dt.timedelta() | ZoneInfo() | ListValue() | SetValue() | Interval():
            return show(value)
        case RecordValue() | EntityValue() | IPv4Address() | IPv6Address() | IPv4Network() | IPv6Network():
            return show(value)
    return repr(value.pattern) if hasattr(value, "pattern") else ""


def _plain(comment: str) -> str:
    """On one line, whatever a file's name holds."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in comment)


def _place(node: ast.AST, line: int) -> None:
    for each in _everything((node,)):
        _set(each, line, line)


def _set(node: ast.AST, first: int, last: int) -> None:
    if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.ExceptHandler):
        node.lineno, node.end_lineno, node.col_offset, node.end_col_offset = first, last, 0, 0


def _everything(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)
