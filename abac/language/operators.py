"""Floor 2, language: the operators, one row each: how it is written and how tightly it binds."""

from __future__ import annotations

from enum import Enum, StrEnum


class Operator(StrEnum):
    """The value is the spelling, except for `negate`, which is written `-`."""

    AND = "and"
    OR = "or"
    NOT = "not"
    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    IN = "in"
    NOT_IN = "not in"
    INTERSECTS = "intersects"
    SUBSET = "subset of"
    WITHIN = "within last"
    LIKE = "like"
    MATCHES = "matches"
    EMPTY = "is empty"
    NOT_EMPTY = "is not empty"
    UNTIL = "until"
    FROM = "from"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    NEGATE = "negate"
    AT = "at"


class Level(Enum):
    """How tightly an expression binds; a looser one inside a tighter one needs parentheses."""

    OPEN = 0
    JUNCTION = 1
    UNARY = 2
    COMPARISON = 3
    RANGE = 4
    SUM = 5
    PRODUCT = 6
    FACTOR = 7
    POSTFIX = 8


LEVELS: dict[Operator, Level] = {
    Operator.AND: Level.JUNCTION,
    Operator.OR: Level.JUNCTION,
    Operator.NOT: Level.UNARY,
    Operator.EQUAL: Level.COMPARISON,
    Operator.UNEQUAL: Level.COMPARISON,
    Operator.LESS: Level.COMPARISON,
    Operator.LESS_EQUAL: Level.COMPARISON,
    Operator.GREATER: Level.COMPARISON,
    Operator.GREATER_EQUAL: Level.COMPARISON,
    Operator.IN: Level.COMPARISON,
    Operator.NOT_IN: Level.COMPARISON,
    Operator.INTERSECTS: Level.COMPARISON,
    Operator.SUBSET: Level.COMPARISON,
    Operator.WITHIN: Level.COMPARISON,
    Operator.LIKE: Level.COMPARISON,
    Operator.MATCHES: Level.COMPARISON,
    Operator.EMPTY: Level.COMPARISON,
    Operator.NOT_EMPTY: Level.COMPARISON,
    Operator.UNTIL: Level.RANGE,
    Operator.FROM: Level.RANGE,
    Operator.ADD: Level.SUM,
    Operator.SUBTRACT: Level.SUM,
    Operator.MULTIPLY: Level.PRODUCT,
    Operator.NEGATE: Level.FACTOR,
    Operator.AT: Level.FACTOR,
}

COMPARATORS = (Operator.EQUAL, Operator.UNEQUAL, Operator.LESS, Operator.LESS_EQUAL, Operator.GREATER, Operator.GREATER_EQUAL)
