"""Floor 3, checker: reads `data` declarations into tables and constants."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abac.checker.declared_types import nested
from abac.checker.types import ERROR, fields_owner
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.library.functions import unknown_parts
from abac.model import wire
from abac.model.errors import LoadError
from abac.model.json_text import JsonError, parse_json
from abac.model.limits import MAX_COLLECTION
from abac.model.schema import Record
from abac.model.source import Source, Span
from abac.model.types import DECLARABLE, KeyOf, RecordOf, Scalar, SetOf, TableOf, Type, Words, plain
from abac.model.values import Absence, RecordValue, Table, Unknown, Value

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as read: where it stands, its number among the rows, and its cells or JSON value."""

    span: Span
    number: int
    raw: object


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is being read: the declaration, the type of its rows, and the name its table goes by."""

    package: PackageChecker
    node: n.DataDeclaration
    record: Record
    key: str
    qualified: str

    def complain(self, code: str, message: str, span: Span) -> None:
        self.package.reporter.error(code, message, span)


def load(package: PackageChecker, node: n.DataDeclaration, qualified: str) -> TableOf | c.Constant | None:
    """The table or constant of a `data` declaration; None after a complaint."""
    type_ = package.types.present(node.type, "a constant is never absent", "leave out the `?`")
    content = _content(package, node)
    if content is None or ERROR in _reached(package, type_):
        return None
    if node.format == "json" and node.key is None:
        return _constant(package, node, type_, content)
    record = _row_type(package, node, type_)
    if record is None or node.key is None:
        return None
    return _table(_Reading(package, node, record, node.key.value, qualified), content)


def _content(package: PackageChecker, node: n.DataDeclaration) -> str | None:
    """The text of the file; spreadsheets write a byte order mark before theirs."""
    try:
        return package.read_data(node.file.value).decode("utf-8-sig" if node.format == "table" else "utf-8")
    except LoadError as error:
        package.reporter.error("unreadable-data", str(error), node.file.span)
    except UnicodeDecodeError as error:
        message = f"`{node.file.value}` is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {error.start}"
        package.reporter.error("unreadable-data", message, node.file.span)
    return None


def _reached(package: PackageChecker, type: Type) -> list[Type]:
    """The type and all inside it, attributes included."""
    found: list[Type] = []
    seen: set[str] = set()
    waiting = [type]
    while waiting:
        for each in nested(waiting.pop()):
            found.append(each)
            for owner in fields_owner(each):
                if owner not in seen:
                    seen.add(owner)
                    waiting += (field.type for field in package.types.fields(owner).values())
    return found


def _can_be_read(package: PackageChecker, type: Type) -> bool:
    """Whether all tables whose keys the type names have been read, as far as their keys; reads them if need be."""
    needed = [each.table for each in _reached(package, type) if isinstance(each, KeyOf)]
    for table in needed:
        owner, _, name = table.rpartition(".")
        package.shared.checkers[owner].data(name)
    return all(table in package.shared.tables for table in needed)


# ── the rows' type ─────────────────────────────────────────────────────────────────────────────────────────


def _row_type(package: PackageChecker, node: n.DataDeclaration, type: Type) -> Record | None:
    """The record that rows are read as; None after a complaint."""
    if node.key is None:
        package.reporter.error("bad-key", "a table needs a key", node.span, help="end the declaration with `key COLUMN`")
        return None
    if not isinstance(type, RecordOf):
        package.reporter.error("type-mismatch", f"the rows of a table are of a record type, found {type}", node.type.span)
        return None
    record = package.record(type.name, node.type.span)
    if record is None:
        return None
    key = record.fields.get(node.key.value)
    if key is None or key.type not in DECLARABLE.values():
        found = f"`{node.key.value}` is {key.type}" if key else f"`{type.name}` has no attribute `{node.key.value}`"
        package.reporter.error("bad-key", f"the key of a table is a plain value that is never absent: {found}", node.key.span)
        return None
    odd = [f for f in record.fields.values() if node.format == "table" and not _fits_cell(f.plain)]
    for field in odd:
        message = f"`{field.name}` of `{record.name}` is {field.plain}, which no cell of a CSV file holds"
        package.reporter.error("bad-cell", message, node.type.span, help="use `json`")
    return None if odd else record


def _fits_cell(type: Type) -> bool:
    inner = plain(type.element) if isinstance(type, SetOf) else type
    return isinstance(inner, Scalar | Words | KeyOf)


# ── tables ─────────────────────────────────────────────────────────────────────────────────────────────────


def _table(reading: _Reading, content: str) -> TableOf | None:
    """Keys first, so that the rows of tables may refer to each other; then the rows."""
    source = Source(reading.node.file.value, content)
    rows = list(_csv_rows(reading, source) if reading.node.format == "table" else _json_rows(reading, content))
    found: dict[Value, RecordValue] = {}
    shared = reading.package.shared
    shared.tables[reading.qualified] = Table(reading.qualified, reading.record.name, found, reading.node.file.value)
    keyed: list[tuple[_Row, Value]] = []
    for row in rows:
        key = _read(reading, row, reading.key)
        if isinstance(key, Unknown | Absence):
            reading.complain("bad-cell", _complaint(reading, row, reading.key, key), row.span)
        elif key in found:
            reading.complain("duplicate-key", f"key `{key}` stands twice", row.span)
        elif len(found) >= MAX_COLLECTION:
            reading.complain("too-large", f"a table has at most {MAX_COLLECTION} rows", row.span)
            break
        else:
            found[key] = RecordValue(reading.record.name, {})
            keyed.append((row, key))
    if _can_be_read(reading.package, RecordOf(reading.record.name)):
        for row, key in keyed:
            found[key] = RecordValue(reading.record.name, _fields(reading, row))
    return TableOf(reading.qualified, reading.record.fields[reading.key].type, RecordOf(reading.record.name))


def _fields(reading: _Reading, row: _Row) -> dict[str, Value | Unknown | Absence]:
    fields = {name: _read(reading, row, name) for name in reading.record.fields}
    for name, value in fields.items():
        if unknown_parts(value):
            reading.complain("bad-cell", _complaint(reading, row, name, value), row.span)
    return fields


def _read(reading: _Reading, row: _Row, name: str) -> Value | Unknown | Absence:
    declared, shared = reading.record.fields[name], reading.package.shared
    if reading.node.format == "table":
        assert isinstance(row.raw, dict)
        return wire.read_cell(row.raw[name], declared.type, name, shared.data_schema(), shared.tables)
    return wire.read_field(row.raw, declared, f"[{row.number}]", shared.data_schema(), shared.tables)


def _complaint(reading: _Reading, row: _Row, name: str, value: Value | Unknown | Absence) -> str:
    """What is wrong with the value of a column."""
    if isinstance(row.raw, dict) and reading.node.format == "table":
        cell = row.raw[name]
        found = f"`{cell}`" if cell else "an empty cell"
        return f"column `{name}`: expected {reading.record.fields[name].plain}, found {found}"
    return f"`{reading.node.file.value}`: {_causes(value)}"


def _causes(value: Value | Unknown | Absence) -> str:
    return "; ".join(sorted({str(cause) for unknown in unknown_parts(value) for cause in unknown.causes}))


def _csv_rows(reading: _Reading, source: Source) -> Iterator[_Row]:
    """The declared cells of each row. A line of Python's csv module is one of ours: see `newline`."""
    reader = csv.reader(io.StringIO(source.text, newline="\n"), strict=True)
    columns, file = reading.record.fields, reading.node.file.value
    try:
        header = next(reader, [])
        missing = [name for name in columns if name not in header]
        doubled = [name for name in columns if header.count(name) > 1]
        for name in missing:
            reading.complain("missing-column", f"`{file}` has no column `{name}`", _line(source, 1))
        for name in doubled:
            reading.complain("duplicate-name", f"`{file}` has two columns `{name}`", _line(source, 1))
        if missing or doubled:
            return
        for number, row in enumerate(reader, start=1):
            if not row:
                continue
            span = _line(source, reader.line_num)
            if len(row) != len(header):
                reading.complain("bad-row", f"expected {len(header)} cells, found {len(row)}", span)
                continue
            yield _Row(span, number, {name: cell for name, cell in zip(header, row, strict=True) if name in columns})
    except csv.Error as error:
        problem = next((ours for theirs, ours in _CSV_PROBLEMS.items() if str(error).startswith(theirs)), str(error))
        reading.complain("bad-row", f"not CSV: {problem}", _line(source, max(1, reader.line_num)))


_CSV_PROBLEMS = {
    "unexpected end of data": "a quoted cell has no end",
    "new-line character": "a line ends with a carriage return alone",
}
"""What Python's csv module says, by its first words, and what we say."""


def _json_rows(reading: _Reading, content: str) -> Iterator[_Row]:
    span = reading.node.file.span
    try:
        rows = parse_json(content)
    except JsonError as error:
        reading.complain("unreadable-data", f"`{reading.node.file.value}`: {error}", span)
        return
    if not isinstance(rows, list):
        reading.complain("unreadable-data", f"`{reading.node.file.value}` is no JSON array", span)
        return
    yield from (_Row(span, number, row) for number, row in enumerate(rows))


def _line(source: Source, number: int) -> Span:
    start, text = source.start_of_line(number), source.line(number)
    return Span(source, start, start + len(text))


# ── constants ──────────────────────────────────────────────────────────────────────────────────────────────


def _constant(package: PackageChecker, node: n.DataDeclaration, type: Type, content: str) -> c.Constant | None:
    try:
        raw = parse_json(content)
    except JsonError as error:
        package.reporter.error("unreadable-data", f"`{node.file.value}`: {error}", node.file.span)
        return None
    if not _can_be_read(package, type):
        return None
    value = wire.read(raw, type, node.name.value, package.shared.data_schema(), package.shared.tables)
    if isinstance(value, Unknown) or unknown_parts(value):
        package.reporter.error("bad-cell", f"`{node.file.value}`: {_causes(value)}", node.file.span)
        return None
    return c.Constant(value, type, node.name.value, type=type, span=node.span)
