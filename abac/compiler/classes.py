"""Floor 4, compiler: how the values of each type look in Python."""

from __future__ import annotations

import ast
import datetime as dt
import ipaddress
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from abac.language import checked as c
from abac.language.operators import Operator
from abac.model.types import (
    BOOL,
    DATE,
    DECIMAL,
    DURATION,
    INSTANT,
    INT,
    IP_ADDRESS,
    IP_NETWORK,
    STRING,
    TIME_OF_DAY,
    TIME_ZONE,
    EntityOf,
    IntervalOf,
    KeyOf,
    ListOf,
    RecordOf,
    Scalar,
    SetOf,
    Type,
    Words,
    base,
)
from abac.model.values import EntityValue, Interval, ListValue, RecordValue, SetValue

CLASSES: dict[Type, type | tuple[type, ...]] = {
    BOOL: bool, INT: int, DECIMAL: Decimal, STRING: str, INSTANT: dt.datetime, DATE: dt.date, DURATION: dt.timedelta, TIME_OF_DAY: dt.time,
    TIME_ZONE: ZoneInfo, IP_ADDRESS: (ipaddress.IPv4Address, ipaddress.IPv6Address),
    IP_NETWORK: (ipaddress.IPv4Network, ipaddress.IPv6Network),
}  # fmt: skip

COMPARE: dict[Operator, tuple[ast.cmpop, str]] = {
    Operator.EQUAL: (ast.Eq(), "=="),
    Operator.UNEQUAL: (ast.NotEq(), "!="),
    Operator.LESS: (ast.Lt(), "<"),
    Operator.LESS_EQUAL: (ast.LtE(), "<="),
    Operator.GREATER: (ast.Gt(), ">"),
    Operator.GREATER_EQUAL: (ast.GtE(), ">="),
}
SPELLED = {"==": "equal", "!=": "unequal", "<": "less", "<=": "at_most", ">": "more", ">=": "at_least"}
"""How helpers of the run time are called after them."""


def arithmetic_name(e: c.Operation) -> str:
    """The run-time function of an arithmetic operator: `add`, or `add_decimals` where the result is a Decimal."""
    plain = {Operator.ADD: "add", Operator.SUBTRACT: "subtract", Operator.MULTIPLY: "multiply", Operator.NEGATE: "negate"}[e.operator]
    if e.type != DECIMAL:
        return plain
    return f"{plain}_decimal{'' if e.operator is Operator.NEGATE else 's'}"


def class_of(type: Type) -> Any:
    """The class, or classes, of a type's values."""
    match type:
        case SetOf():
            return SetValue
        case ListOf():
            return ListValue
        case IntervalOf():
            return Interval
        case RecordOf():
            return RecordValue
        case EntityOf():
            return EntityValue
        case Words() | KeyOf() | Scalar():
            return CLASSES[base(type)]
    raise AssertionError(f"{type} is no type of an attribute")


def kind_of(package: c.Package, owner: Type, field: str) -> Type:
    """The type, without `?`, of an attribute of a record, an entity or the context."""
    schema = package.schema
    assert isinstance(owner, EntityOf | RecordOf)
    for each in owner.names if isinstance(owner, EntityOf) else (owner.name,):
        if each == "context":
            fields = schema.context.fields
        else:
            fields = schema.records[each].fields if each in schema.records else schema.entities[each].fields
        if field in fields:
            return fields[field].plain
    raise AssertionError(f"the checker knows {field}")


def is_plain(type: Type) -> bool:
    """Whether Python's own `==` is the language's."""
    return isinstance(type, Words | KeyOf) or (isinstance(type, Scalar) and type != TIME_ZONE)
