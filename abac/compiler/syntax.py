"""Floor 4, compiler: short names for making Python's `ast`, and the text of a module with the places of its statements."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

WIDE = 100


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def const(value: str | int | bool | None) -> ast.Constant:
    """A constant of exact type; everything else is a slot."""
    assert type(value) in (str, int, bool, type(None))
    return ast.Constant(value)


def call(function: str | ast.expr, *arguments: ast.expr) -> ast.Call:
    return ast.Call(name(function) if isinstance(function, str) else function, list(arguments), [])


def attribute(target: ast.expr, attr: str) -> ast.Attribute:
    return ast.Attribute(target, attr, ast.Load())


def item(target: ast.expr, key: str | int) -> ast.Subscript:
    return ast.Subscript(target, const(key), ast.Load())


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [operator], [right])


def walrus(target: str, value: ast.expr) -> ast.NamedExpr:
    return ast.NamedExpr(ast.Name(target, ast.Store()), value)


def assign(target: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(target, ast.Store())], value)


_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


def negation(operand: ast.expr) -> ast.expr:
    """`not operand`, or the opposite comparison. Invariant: generated truths are bool, so two `not`s are none."""
    if isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.Not):
        return operand.operand
    if isinstance(operand, ast.Compare) and len(operand.ops) == 1 and type(operand.ops[0]) in _OPPOSITES:
        return ast.Compare(operand.left, [_OPPOSITES[type(operand.ops[0])]()], operand.comparators)
    return ast.UnaryOp(ast.Not(), operand)


def junction(operator: ast.boolop, operands: Sequence[ast.expr]) -> ast.expr:
    return operands[0] if len(operands) == 1 else ast.BoolOp(operator, list(operands))


def thunk(body: ast.expr, *parameters: str) -> ast.Lambda:
    return ast.Lambda(_arguments(parameters), body)


def tuple_of(elements: Iterable[ast.expr]) -> ast.Tuple:
    return ast.Tuple(list(elements), ast.Load())


def dict_of(items: Mapping[str, ast.expr]) -> ast.Dict:
    return ast.Dict([const(key) for key in items], list(items.values()))


def function(identifier: str, parameters: Sequence[str], body: Sequence[ast.stmt]) -> ast.FunctionDef:
    return ast.FunctionDef(identifier, _arguments(parameters), list(body), [])


def _arguments(parameters: Sequence[str]) -> ast.arguments:
    return ast.arguments(posonlyargs=[], args=[ast.arg(p) for p in parameters], kwonlyargs=[], kw_defaults=[], defaults=[])


@dataclass(slots=True)
class Listing:
    """The text of a module, printed statement by statement; every node gets the line on which it stands.

    `comments` are printed above the statement they belong to: what a function or test is in the policy's words.
    """

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

    def statement(self, node: ast.stmt, indent: str) -> None:
        if id(node) in self.comments:
            self.lines.append(f"{indent}# {self.comments[id(node)]}")
        match node:
            case ast.FunctionDef(name=identifier, args=args, body=body):
                parameters = ", ".join(a.arg for a in args.args)
                self._header(node, f"{indent}def {identifier}({parameters}):", ())
                self.block(body, indent)
            case ast.If(test=test, body=body, orelse=orelse):
                assert not orelse, "generated code has no else"
                self._condition(node, test, indent)
                self.block(body, indent)
            case ast.For(target=target, iter=iterated, body=body):
                self._header(node, f"{indent}for {ast.unparse(target)} in {ast.unparse(iterated)}:", (target, iterated))
                self.block(body, indent)
            case _:
                node.lineno = len(self.lines) + 1  # unparsing an assignment looks at it
                self._header(node, indent + ast.unparse(node), ast.iter_child_nodes(node))

    def block(self, body: Sequence[ast.stmt], indent: str) -> None:
        for each in body:
            self.statement(each, indent + "    ")

    def _condition(self, node: ast.If, test: ast.expr, indent: str) -> None:
        """A long condition has its operands on lines of their own."""
        text = ast.unparse(test)
        if len(indent) + len(text) <= WIDE or not isinstance(test, ast.BoolOp):
            self._header(node, f"{indent}if {text}:", (test,))
            return
        word = "and" if isinstance(test.op, ast.And) else "or"
        first = len(self.lines) + 1
        for number, operand in enumerate(test.values):
            shown = ast.unparse(operand)
            if isinstance(operand, ast.BoolOp | ast.IfExp | ast.NamedExpr | ast.Lambda):
                shown = f"({shown})"
            self.lines.append(f"{indent}if ({shown}" if number == 0 else f"{indent}        {word} {shown}")
            _place((operand,), len(self.lines))
        self.lines[-1] += "):"
        for each in (node, test):
            each.lineno, each.end_lineno, each.col_offset, each.end_col_offset = first, len(self.lines), 0, 0

    def _header(self, node: ast.stmt, text: str, inside: Iterable[ast.AST]) -> None:
        self.lines.append(text)
        _place((node,) if not isinstance(node, ast.FunctionDef | ast.If | ast.For) else (), len(self.lines))
        _place(inside, len(self.lines))
        if isinstance(node, ast.FunctionDef):
            _place((node.args,), len(self.lines))
        node.lineno = node.end_lineno = len(self.lines)
        node.col_offset = node.end_col_offset = 0


def _place(nodes: Iterable[ast.AST], line: int) -> None:
    for each in _everything(nodes):
        if isinstance(each, ast.expr | ast.stmt | ast.arg | ast.keyword):
            each.lineno = each.end_lineno = line
            each.col_offset = each.end_col_offset = 0


def _everything(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)
