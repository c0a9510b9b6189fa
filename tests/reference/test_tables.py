"""Reference data: what a row says, what a missing row means, and which files are refused."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from abac import Decision, Engine, PolicyErrors
from tests.reference.asking import NOON, WHAT, WHO, causes

HEAD = """package geo
entity Person key id { id: String }
entity Paper key id { id: String }
action read: Person -> Paper
record Land { code: String, groups: Set<String>, eu: Bool, people: Int?, share: Decimal?, since: Date?, partner: String? }
data lands: Land = table "lands.csv" key code
type Country = key of lands
context { clock at: Instant, country: Country? = absent, word: String? = absent, ws: List<String>? = absent }
"""
CSV = """code,groups,eu,people,share,since,partner,note
FR,eu;nato,1,68,0.5,1958-10-04,DE,not read
DE,eu; nato ,true,84,,,FR,
CH,,0,,,,,"a ""quoted"" note, with a comma"
"""


def engine(folder: Path, rules: str, csv: str | None = CSV, head: str = HEAD) -> Engine:
    root = folder / "geo"
    root.mkdir(exist_ok=True)
    (root / "main.abac").write_text(f"{head}policy p: deny-overrides {{ {rules} }}", encoding="utf-8")
    if csv is not None:
        (root / "lands.csv").write_text(csv, encoding="utf-8", newline="")
    return Engine.load(root)


def decide(folder: Path, expression: str, csv: str = CSV, head: str = HEAD, **context: object) -> Decision:
    rules = f"permit holds when {expression} deny fails unless {expression}".replace("~", "context.")
    return engine(folder, rules, csv, head).decide(WHO, "read", WHAT, context, at=NOON)


def truth(folder: Path, expression: str, **context: Any) -> bool | None:
    return {"permit": True, "deny": False, "indeterminate": None}[decide(folder, expression, **context).effect]


def codes(errors: PolicyErrors) -> list[tuple[str, int]]:
    """The codes of complaints, and the lines they point to."""
    return [(each.code, each.span.source.position(each.span.start)[0]) for each in errors.diagnostics]


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ('lands["FR"].groups == { "nato", "eu" }', True),
        ('lands["DE"].groups == { "nato", "eu" }', True),
        ('lands["CH"].groups is empty', True),
        ('lands["FR"].eu and lands["DE"].eu and not lands["CH"].eu', True),
        ('lands["FR"] has people == 68', True),
        ('lands["CH"] has people', False),
        ('lands["FR"] has share == 0.5', True),
        ('lands["FR"] has since == 1958-10-04', True),
        ('lands["DE"] has since', False),
        ('lands["FR"] has partner and lands[lands["FR"].partner].groups intersects { "eu" }', True),
    ],
)
def test_a_cell_is_read_by_its_type_and_an_empty_one_is_absent(tmp_path: Path, expression: str, answer: bool) -> None:
    assert truth(tmp_path, expression) is answer


def test_a_missing_row_is_unknown_and_says_which(tmp_path: Path) -> None:
    found = decide(tmp_path, "context has word and lands[~word].eu", word="XX")
    assert (found.effect, causes(found)) == ("indeterminate", ["lands[XX]: no such row"])
    assert truth(tmp_path, "context has word and lands[~word].eu", word="FR") is True
    assert truth(tmp_path, "context has word and lands[~word].eu", word="fr") is None
    assert truth(tmp_path, "context has word and lands[~word] has people", word="XX") is None


def test_whether_a_table_has_a_row_is_two_valued(tmp_path: Path) -> None:
    assert truth(tmp_path, "context has word and ~word in lands", word="FR") is True
    assert truth(tmp_path, "context has word and ~word in lands", word="XX") is False
    assert truth(tmp_path, "context has word and ~word not in lands", word="XX") is True
    assert truth(tmp_path, "context has word and ~word in lands", word=5) is None
    assert truth(tmp_path, "context has ws and (every w in ~ws: w in lands)", ws=["FR", None]) is None


def test_a_key_that_the_table_lacks_is_unknown_and_not_just_another_country(tmp_path: Path) -> None:
    assert truth(tmp_path, 'context has country != "CH"', country="FR") is True
    assert truth(tmp_path, 'context has country != "CH"', country="CH") is False
    found = decide(tmp_path, 'context has country != "CH"', country="ZZ")
    assert (found.effect, causes(found)) == ("indeterminate", ["context.country: no such row"])


def test_a_constant_key_that_the_table_lacks_is_a_mistake_of_the_author(tmp_path: Path) -> None:
    for expression in ('lands["XX"].eu', 'context has country == "XX"', 'context has country in { "FR", "XX" }'):
        with pytest.raises(PolicyErrors) as caught:
            decide(tmp_path, expression)
        assert codes(caught.value)[0][0] == "no-such-row"


# ── refused files ────────────────────────────────────────────────────────────────────────────────────────

ROWS = "code,groups,eu,people,share,since,partner\n"


@pytest.mark.parametrize(
    ("csv", "expected"),
    [
        (ROWS + "FR,,1,,,,\nDE,,1,,,,\nFR,,0,,,,\n", [("duplicate-key", 4)]),
        (ROWS + "FR,,1,,,,\n,,1,,,,\n", [("bad-cell", 3)]),
        (ROWS + "FR,,yes,,,,\n", [("bad-cell", 2)]),
        (ROWS + "FR,,,,,,\n", [("bad-cell", 2)]),
        (ROWS + "FR,,1,1.5,,,\nDE,,1,x,,,\n", [("bad-cell", 2), ("bad-cell", 3)]),
        (ROWS + "FR,,1,9223372036854775808,,,\n", [("bad-cell", 2)]),
        (ROWS + "FR,,1,,NaN,,\n", [("bad-cell", 2)]),
        (ROWS + "FR,,1,,,2026-02-30,\n", [("bad-cell", 2)]),
        (ROWS + "FR,,1,,\n", [("bad-row", 2)]),
        (ROWS + 'FR,"a\nb",1,,,,\nDE,,1,,,,,\n', [("bad-row", 4)]),
        ("code,groups,eu,people,share,since\nFR,,1,,,\n", [("missing-column", 1)]),
        ("code,code,groups,eu,people,share,since,partner\nFR,FR,,1,,,,\n", [("duplicate-name", 1)]),
        ("", [("missing-column", 1)] * 7),
    ],
)  # fmt: skip
def test_a_table_with_a_mistake_is_refused_with_its_line(tmp_path: Path, csv: str, expected: list[tuple[str, int]]) -> None:
    with pytest.raises(PolicyErrors) as caught:
        engine(tmp_path, "permit r otherwise", csv)
    assert codes(caught.value) == expected
    assert {each.span.source.name for each in caught.value.diagnostics} == {"lands.csv"}


def test_a_table_that_is_not_there_is_a_mistake_at_its_declaration(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors) as caught:
        engine(tmp_path, "permit r otherwise", None)
    assert ("unreadable-data", 6) in codes(caught.value)


def test_a_table_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "geo").mkdir()
    (tmp_path / "geo" / "lands.csv").write_bytes(ROWS.encode() + b"FR,\xff,1,,,,\n")
    with pytest.raises(PolicyErrors) as caught:
        engine(tmp_path, "permit r otherwise", None)
    assert ("unreadable-data", 6) in codes(caught.value)


@pytest.mark.parametrize("file", ["../secret.csv", "/etc/passwd", "link.csv", "..", "."])
def test_data_outside_of_the_root_is_never_read(tmp_path: Path, file: str) -> None:
    root = tmp_path / "root"
    (root / "geo").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text(ROWS, encoding="utf-8")
    (root / "secret.csv").symlink_to(tmp_path / "secret.csv")
    (root / "geo" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(PolicyErrors) as caught:
        engine(root, "permit r otherwise", None, HEAD.replace("lands.csv", file))
    assert "unreadable-data" in [code for code, _ in codes(caught.value)]


def test_data_that_a_sibling_folder_of_the_root_holds_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "lands.csv").write_text(CSV, encoding="utf-8")
    found = decide(tmp_path, 'lands["FR"].eu', head=HEAD.replace("lands.csv", "../shared/lands.csv"))
    assert found.permitted


# ── json ─────────────────────────────────────────────────────────────────────────────────────────────────

JSON_HEAD = HEAD.replace('table "lands.csv"', 'json "lands.json"')


def json_truth(folder: Path, rows: object, expression: str, **context: Any) -> bool | None:
    (folder / "geo").mkdir(exist_ok=True)
    text = rows if isinstance(rows, str) else json.dumps(rows)
    (folder / "geo" / "lands.json").write_text(text, encoding="utf-8")
    return truth(folder, expression, head=JSON_HEAD, **context)


LAND = {"code": "FR", "groups": ["eu"], "eu": True, "people": 68, "share": 0.5, "since": "1958-10-04", "partner": None}


def test_rows_may_be_json_objects(tmp_path: Path) -> None:
    assert json_truth(tmp_path, [LAND], 'lands["FR"].eu and lands["FR"] has share == 0.5 and not lands["FR"] has partner') is True
    assert json_truth(tmp_path, [LAND], "context has word and lands[~word].eu", word="DE") is None


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([LAND, LAND], "duplicate-key"),
        ([{**LAND, "eu": 1}], "bad-cell"),
        ([{**LAND, "eu": None}], "bad-cell"),
        ([{name: LAND[name] for name in LAND if name != "people"}], "bad-cell"),
        ([5], "bad-cell"),
        ({"FR": LAND}, "unreadable-data"),
        ("[", "unreadable-data"),
        ('[{"code": "FR", "code": "DE"}]', "unreadable-data"),
    ],
)
def test_json_with_a_mistake_is_refused(tmp_path: Path, rows: object, code: str) -> None:
    with pytest.raises(PolicyErrors) as caught:
        json_truth(tmp_path, rows, "true == false")
    assert code in [found for found, _ in codes(caught.value)]


def test_json_without_a_key_is_a_constant(tmp_path: Path) -> None:
    (tmp_path / "geo").mkdir()
    limit = {"code": "X", "groups": [], "eu": False, "people": 5, "share": 1, "since": None, "partner": None}
    (tmp_path / "geo" / "limits.json").write_text(json.dumps(limit), encoding="utf-8")
    head = HEAD + 'data limit: Land = json "limits.json"\n'
    assert truth(tmp_path, "limit has people == 5 and limit has share == 1 and not limit has since", head=head) is True


def test_text_has_no_folder_to_read_data_from() -> None:
    with pytest.raises(PolicyErrors) as caught:
        Engine.from_text(f"{HEAD}policy p: deny-overrides {{ permit r otherwise }}")
    assert codes(caught.value)[0] == ("unreadable-data", 6)


def test_a_table_keyed_by_number_or_date_is_looked_up_by_value(tmp_path: Path) -> None:
    for type, cell, key in (("Int", "7", 7), ("Date", "2026-07-15", dt.date(2026, 7, 15))):
        head = HEAD.replace("key code", "key n").replace("record Land {", f"record Land {{ n: {type},")
        head = head.replace("type Country = key of lands\n", "").replace("country: Country?", f"country: {type}?")
        csv = "n," + ROWS + f"{cell},FR,,1,,,,\n"
        assert decide(tmp_path, "context has country and lands[~country].eu", csv, head, country=key).permitted


def test_a_decimal_cell_keeps_every_digit(tmp_path: Path) -> None:
    digits = "0.1234567890123456789012345678901234"
    csv = ROWS + f"FR,,1,,{digits},,\n"
    assert decide(tmp_path, f'lands["FR"] has share == {digits}', csv).permitted
    assert Decimal(digits) != Decimal(float(digits))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abac.engine.packages.MAX_FILE_BYTES", 2_000)
    with pytest.raises(PolicyErrors) as caught:
        engine(tmp_path, "permit r otherwise", ROWS + "FR,,1,,,,\n" * 1_000)
    assert codes(caught.value)[0][0] == "unreadable-data"
    assert "lands.csv: larger than 2000 bytes" in caught.value.diagnostics[0].message
