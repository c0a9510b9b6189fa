"""Floor 5, engine: attributes from a database, by SQLAlchemy Core: SQLite, PostgreSQL, and whatever else it speaks to.

Needs the extra `abac[sql]`; nothing else imports this module.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from abac.engine.sources.protocol import Absent, Found
from abac.model.limits import MAX_COLLECTION
from abac.model.values import EntityRef, Value
from abac.model.wire import to_wire

KEY = "key"
"""The bound parameter that is the entity's key."""

BOUND = (str, bool, int, dt.date, dt.time, type(None))
"""Values that every database takes as they are."""

Select = sa.Select[Any]


@dataclass(frozen=True, slots=True)
class SqlEntity:
    """How an entity is found.

    Attributes:
        one: gives one row, or none if the entity does not exist; its columns are attributes, by their labels.
        many: gives, for an attribute that is a Set or a List (or `parents`), its elements: of one column they are values, of several
            columns objects, by their labels. Without an order a List has none that can be relied on.

    Every statement compares with `bindparam("key")`. Only what policies read is selected.

    Raises:
        ValueError: a statement does not, or two give one attribute.
    """

    one: Select
    many: Mapping[str, Select] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for statement in (self.one, *self.many.values()):
            if not any(isinstance(part, sa.BindParameter) and part.key == KEY for part in visitors.iterate(statement)):
                raise ValueError(f"a statement is not bound to the key: compare a column with `bindparam({KEY!r})`")
        twice = sorted({str(column.key) for column in self.one.selected_columns} & self.many.keys())
        if twice:
            raise ValueError(f"`{twice[0]}` is given twice")


class SqlSource:
    """Entities in a database. Keys are bound parameters, never text of a statement.

    What is read of one entity is read in one transaction; whether that is one state of the database is for its isolation level to say.
    """

    def __init__(self, name: str, database: sa.Engine, entities: Mapping[str, SqlEntity], *, naive_is_utc: bool = False) -> None:
        """
        Args:
            entities: by type.
            naive_is_utc: datetimes without a zone are in UTC. SQLite keeps no zones: store UTC there, and say so. Otherwise such a value
                is mistyped.
        """
        self.name = name
        self._database = database
        self._entities = dict(entities)
        self._naive_is_utc = naive_is_utc
        self._narrowed: dict[tuple[str, frozenset[str]], Select] = {}

    def fetch(self, entity: EntityRef, names: frozenset[str], at: dt.datetime) -> Found | Absent:
        known = self._entities[entity.type]
        key = {KEY: _bound(entity.key)}  # type: ignore[arg-type]  # a key that was read
        with self._database.connect() as connection:
            rows = connection.execute(self._one(entity.type, known.one, names), key).fetchmany(2)
            if not rows:
                return Absent()
            if len(rows) > 1:
                raise LookupError("there are two rows for one key")
            values = {name: self._value(value) for name, value in rows[0]._mapping.items() if name in names}
            for name in sorted(names & known.many.keys()):
                found = connection.execute(known.many[name], key).fetchmany(MAX_COLLECTION + 1)
                values[name] = [self._element(row) for row in found]
        return Found(values)

    def _one(self, type_: str, statement: Select, names: frozenset[str]) -> Select:
        """The statement with no more columns than are asked for; where none is, whether there is a row."""
        if (type_, names) not in self._narrowed:
            columns = [column for column in statement.selected_columns if column.key in names]
            narrow = statement.with_only_columns(*(columns or [sa.literal(1)]), maintain_column_froms=True)
            self._narrowed[type_, names] = narrow
        return self._narrowed[type_, names]

    def _element(self, row: sa.Row[Any]) -> object:
        if len(row) == 1:
            return self._value(row[0])
        return {name: self._value(value) for name, value in row._mapping.items()}

    def _value(self, value: object) -> object:
        if self._naive_is_utc and isinstance(value, dt.datetime) and value.tzinfo is None:
            return value.replace(tzinfo=dt.timezone.utc)
        return value


def _bound(key: Value) -> object:
    return key if isinstance(key, BOUND) else to_wire(key)
