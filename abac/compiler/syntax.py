"""Floor 4, compiler: short names for making Python's `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def const(value: str | int | bool | None) -> ast.Constant:
    """A constant of exact type; everything else is a slot."""
    assert type(value) in (str, int, bool, type(None))
    return ast.Constant(value)


def integer(value: int) -> ast.expr:
    """A small integer, negative ones as Python writes them."""
    return const(value) if value >= 0 else ast.UnaryOp(ast.USub(), const(-value))


def call(function: str | ast.expr, *arguments: ast.expr) -> ast.Call:
    return ast.Call(name(function) if isinstance(function, str) else function, list(arguments), [])


def attribute(target: ast.expr, attr: str) -> ast.Attribute:
    return ast.Attribute(target, attr, ast.Load())


def item(target: ast.expr, key: str | int) -> ast.Subscript:
    return ast.Subscript(target, const(key) if isinstance(key, str) else integer(key), ast.Load())


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


def copied(node: Any) -> Any:
    """A copy that shares no node, for a second place. Unlike `copy.deepcopy` it takes one frame of the stack a level."""
    made = type(node)()
    for field in node._fields:
        value = getattr(node, field)
        if isinstance(value, list):
            value = list(map(copied, value))
        elif isinstance(value, ast.AST):
            value = copied(value)
        setattr(made, field, value)
    return made


def _arguments(parameters: Sequence[str]) -> ast.arguments:
    return ast.arguments(posonlyargs=[], args=[ast.arg(p) for p in parameters], kwonlyargs=[], kw_defaults=[], defaults=[])
