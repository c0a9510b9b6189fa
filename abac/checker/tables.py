"""Floor 3, checker: reads `data` declarations into tables and constants."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from abac.checker.types import ERROR
from abac.language import checked as c
from abac.language import nodes as n
from abac.language.library.functions import unknown_parts
from abac.model import wire
from abac.model.errors import LoadError
from abac.model.json_text import JsonError, parse_json
from abac.model.limits import MAX_COLLECTION
from abac.model.schema import Record, Schema
from abac.model.source import Source, Span
from abac.model.types import DECLARABLE, RecordOf, TableOf
from abac.model.values import ABSENT, Absence, RecordValue, Table, Unknown, Value

if TYPE_CHECKING:
    from abac.checker.package import PackageChecker


def load(package: PackageChecker, node: n.DataDeclaration, qualified: str) -> TableOf | c.Constant | None:
    """The table or constant of a `data` declaration; None after a complaint."""
    try:
        content = package.read_data(node.file.value)
        text = content.decode("utf-8-sig" if node.format == "table" else "utf-8")
    except LoadError as error:
        package.reporter.error("unreadable-data", str(error), node.file.span)
        return None
    except UnicodeDecodeError:
        package.reporter.error("unreadable-data", f"`{node.file.value}` is not UTF-8", node.file.span)
        return None
    if node.format == "json" and node.key is None:
        return _constant(package, node, content)
    record = _row_type(package, node)
    if record is None or node.key is None:
        return None
    source = Source(node.file.value, text)
    if node.format == "table":
        return _table(package, node, qualified, record, source, _csv_rows(package, node, record, source))
    return _table(package, node, qualified, record, source, _json_rows(package, node, record, content, source))


def _row_type(package: PackageChecker, node: n.DataDeclaration) -> Record | None:
    type_ = package.type(node.type)
    if type_ == ERROR:
        return None
    if node.key is None:
        package.reporter.error("bad-key", "a table needs a key", node.span, help="end the declaration with `key COLUMN`")
        return None
    if not isinstance(type_, RecordOf):
        package.reporter.error("type-mismatch", f"the rows of a table are of a record type, found {type_}", node.type.span)
        return None
    record = package.record(type_.name, node.type.span)
    key = record.fields.get(node.key.value) if record else None
    if record is not None and (key is None or key.type not in DECLARABLE.values()):
        found = f"`{node.key.value}` is {key.type}" if key else f"`{type_.name}` has no attribute `{node.key.value}`"
        package.reporter.error("bad-key", f"the key of a table is a plain value that is never absent: {found}", node.key.span)
        return None
    return record




def _csv_rows(
    package: PackageChecker, node: n.DataDeclaration, record: Record, source: Source
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and declared cells of each row."""
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    try:
        header = next(reader, [])
        doubles = {h for h in header if header.count(h) > 1}
        missing = [f for f in record.fields if f not in header]
        for name in missing:
            package.reporter.error("missing-column", f"`{node.file.value}` has no column `{name}`", _line(source, 1))
        for name in sorted(doubles & set(record.fields)):
            package.reporter.error("duplicate-name", f"`{node.file.value}` has two columns `{name}`", _line(source, 1))
        if missing or doubles & set(record.fields):
            return
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                message = f"{len(row)} cells where the header has {len(header)}"
                package.reporter.error("bad-row", message, _line(source, reader.line_num))
                continue
            yield reader.line_num, {name: cell for name, cell in zip(header, row, strict=True) if name in record.fields}
    except csv.Error as error:
        package.reporter.error("bad-row", str(error), _line(source, max(1, reader.line_num)))


def _json_rows(
    package: PackageChecker, node: n.DataDeclaration, record: Record, content: bytes, source: Source
) -> Iterator[tuple[int, object]]:
    try:
        rows = parse_json(content)
    except JsonError as error:
        package.reporter.error("unreadable-data", f"`{node.file.value}`: {error}", node.file.span)
        return
    if not isinstance(rows, list):
        package.reporter.error("unreadable-data", f"`{node.file.value}` is no JSON array", node.file.span)
        return
    yield from ((1, row) for row in rows)


def _table(
    package: PackageChecker, node: n.DataDeclaration, qualified: str, record: Record, source: Source,
    rows: Iterator[tuple[int, object]] | Iterator[tuple[int, dict[str, str]]],
) -> TableOf:  # fmt: skip
    """Keys first, so that rows may refer to each other; then the rows."""
    assert node.key is not None
    key_field = record.fields[node.key.value]
    found: dict[Value, RecordValue] = {}
    package.shared.tables[qualified] = Table(qualified, record.name, found, node.file.value)
    waiting: list[tuple[int, object, Value]] = []
    for line, row in rows:
        key = _read(package, row, record, node.key.value, "", node.format)
        if isinstance(key, Unknown | Absence):
            package.reporter.error("bad-cell", f"no key: {_cause(key)}", _line(source, line))
        elif key in found:
            package.reporter.error("duplicate-key", f"key `{key}` stands twice", _line(source, line))
        elif len(found) >= MAX_COLLECTION:
            package.reporter.error("too-large", f"a table has at most {MAX_COLLECTION} rows", _line(source, line))
            break
        else:
            found[key] = RecordValue(record.name, {})
            waiting.append((line, row, key))
    for line, row, key in waiting:
        fields = {name: _read(package, row, record, name, str(key), node.format) for name in record.fields}
        for bad in (u for value in fields.values() for u in unknown_parts(value)):
            package.reporter.error("bad-cell", f"row `{key}`: {_cause(bad)}", _line(source, line))
        found[key] = RecordValue(record.name, fields)
    return TableOf(qualified, key_field.type, RecordOf(record.name))


def _read(
    package: PackageChecker, row: object, record: Record, name: str, path: str, format: str
) -> Value | Unknown | Absence:
    declared, schema = record.fields[name], Schema(records=package.shared.records, entities=package.shared.entities)
    where = f"{path}.{name}" if path else name
    if format == "table":
        assert isinstance(row, dict)
        return wire.read_cell(row[name], declared.type, where, schema, package.shared.tables)
    return wire.read_field(row, declared, path or record.name, schema, package.shared.tables)


def _constant(package: PackageChecker, node: n.DataDeclaration, content: bytes) -> c.Constant | None:
    type_ = package.type(node.type)
    if type_ == ERROR:
        return None
    try:
        raw = parse_json(content)
    except JsonError as error:
        package.reporter.error("unreadable-data", f"`{node.file.value}`: {error}", node.file.span)
        return None
    schema = Schema(records=package.shared.records, entities=package.shared.entities)
    for name in package.scope.names(n.RecordDeclaration):
        package.record(name, node.type.span)
    value = wire.read(raw, type_, node.name.value, schema, package.shared.tables)
    bad = unknown_parts(value)
    for unknown in bad:
        package.reporter.error("bad-cell", f"`{node.file.value}`: {_cause(unknown)}", node.file.span)
    if bad or isinstance(value, Unknown):
        return None
    return c.Constant(value, type_, node.name.value, type=type_, span=node.span)


def _cause(value: Unknown | Absence) -> str:
    return "absent" if value is ABSENT else "; ".join(str(cause) for cause in sorted(value.causes)) if isinstance(value, Unknown) else ""


def _line(source: Source, number: int) -> Span:
    text = source.line(number)
    start = source._line_starts[number - 1]
    return Span(source, start, start + max(1, len(text)))


