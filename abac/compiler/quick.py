"""Floor 4, compiler: at once, of a caller's value, whether it is a value of its type as it stands: the test that generated code makes.

A type without a row here, and a value that fails its test, is read by the type's reader, which copies what has to be copied and tells what
is no value at all. So a test may say no to what is right; it may never say yes to what is wrong.
"""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Mapping, Sequence

from abac.compiler.slots import Slots
from abac.compiler.syntax import attribute, call, compare, const, integer, junction
from abac.model.limits import INT_MAX, INT_MIN, MAX_STRING
from abac.model.types import BOOL, DATE, DURATION, INSTANT, INT, STRING, KeyOf, Type, Words, base
from abac.model.values import Table

_TYPE = type


def quick_test(type_: Type, variable: ast.expr, slots: Slots, tables: Mapping[str, Table]) -> list[ast.expr]:
    """The parts of the test, all of which must be true, the first of them the exact class; none where only the reader can tell.

    `variable` is evaluated several times; whoever wants to assign it on the way passes the walrus in the first part.
    """
    match type_:
        case Words(words=words, open=False):
            return [_class(variable, str, slots), compare(variable, ast.In(), slots.slot(frozenset(words)))]
        case KeyOf(table=table) if base(type_) in (STRING, INT):
            kind = str if base(type_) == STRING else int
            return [_class(variable, kind, slots), compare(variable, ast.In(), slots.slot(frozenset(tables[table].rows)))]
    plain = base(type_)
    if plain == BOOL:
        return [_class(variable, bool, slots)]
    if plain == INT:
        within = ast.Compare(integer(INT_MIN), [ast.LtE(), ast.LtE()], [variable, integer(INT_MAX)])
        return [_class(variable, int, slots), within]
    if plain == STRING:
        ascii_only = call(attribute(variable, "isascii"))
        return [_class(variable, str, slots), ascii_only, compare(call(slots.helper("len", len), variable), ast.LtE(), const(MAX_STRING))]
    if plain == INSTANT:
        zone = compare(attribute(variable, "tzinfo"), ast.Is(), slots.slot(dt.timezone.utc))
        return [_class(variable, dt.datetime, slots), zone]
    if plain in (DATE, DURATION):
        return [_class(variable, dt.date if plain == DATE else dt.timedelta, slots)]
    return []


def passes(tests: Sequence[ast.expr]) -> ast.expr:
    return junction(ast.And(), tests)


def _class(variable: ast.expr, kind: type, slots: Slots) -> ast.expr:
    """`type(a1) is str`."""
    return compare(call(slots.helper("type", _TYPE), variable), ast.Is(), slots.helper(kind.__name__, kind))
