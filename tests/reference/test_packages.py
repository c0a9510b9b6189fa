"""A folder is a package: its files are one text, imports bring names, and the digest stands for everything that was read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

from abac import Engine, LoadError, PolicyErrors
from abac.engine import packages
from abac.engine.pipeline import load_paths, load_text
from tests.reference.asking import NOON, WHAT, WHO

SCHEMA = """package shop
entity Person key id { id: String }
entity Paper key id { id: String }
context { clock at: Instant, n: Int }
action read: Person -> Paper
"""
POLICY = """package shop
import lib.words
policy p: first-applicable {
  permit known when subject.id in friends.names and big(context.n)
  deny rest otherwise
}
"""
WORDS = """package lib.words
import lib.numbers
define big(n: Int) = n > LIMIT
"""
NUMBERS = "package lib.numbers\nconst LIMIT = 10\n"
DATA = """package shop
record Rates { code: String, rate: Int }
record Friends { names: Set<String> }
data rates: Rates = table "rates.csv" key code
data friends: Friends = json "friends.json"
"""
FILES = {
    "shop/schema.abac": SCHEMA,
    "shop/policy.abac": POLICY,
    "shop/data.abac": DATA,
    "shop/rates.csv": "code,rate\nEU,1\n",
    "shop/friends.json": '{"names": ["alice"]}',
    "lib/words/words.abac": WORDS,
    "lib/numbers/numbers.abac": NUMBERS,
}


def write(root: Path, files: dict[str, str] = FILES) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "shop"


def complaints(load: Callable[[], object]) -> list[str]:
    with pytest.raises(PolicyErrors) as caught:
        load()
    return [each.code for each in caught.value.diagnostics]


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_files_of_a_folder_see_each_others_names(tmp_path: Path) -> None:
    engine = Engine.load(write(tmp_path))
    assert engine.decide(WHO, "read", WHAT, {"n": 11}, at=NOON).rule == "known"
    assert engine.decide(WHO, "read", WHAT, {"n": 10}, at=NOON).rule == "rest"
    assert engine.decide({"id": "eve"}, "read", WHAT, {"n": 11}, at=NOON).rule == "rest"


def test_which_file_a_declaration_stands_in_does_not_matter(tmp_path: Path) -> None:
    parts = [
        SCHEMA,
        "package shop\ndefine small = context.n < LIMIT",
        "package shop\nconst LIMIT = 5\npolicy p: deny-overrides { permit r when small }",
    ]
    for order in permutations(range(3)):
        folder = tmp_path / "".join(map(str, order)) / "shop"
        folder.mkdir(parents=True)
        for name, part in zip("abc", order, strict=True):
            (folder / f"{name}.abac").write_text(parts[part], encoding="utf-8")
        assert Engine.load(folder).decide(WHO, "read", WHAT, {"n": 4}, at=NOON).rule == "r"


def test_files_stand_in_the_order_of_their_code_points(tmp_path: Path) -> None:
    bad = {f"shop/{name}.abac": f"package shop\nconst X{i} = nothing{i}\n" for i, name in enumerate(("a", "B", "é", "a-b", "a.b", "Z"))}
    folder = write(tmp_path, bad)
    with pytest.raises(PolicyErrors) as caught:
        Engine.load(folder)
    found = [Path(each.span.source.name).name for each in caught.value.diagnostics if each.code == "unknown-name"]
    assert found == ["B.abac", "Z.abac", "a-b.abac", "a.abac", "a.b.abac", "é.abac"]


@pytest.mark.parametrize("order", list(permutations(["schema.abac", "policy.abac", "data.abac"])))
def test_the_order_in_which_files_are_given_does_not_matter(tmp_path: Path, order: tuple[str, ...]) -> None:
    folder = write(tmp_path)
    assert Engine.load([folder / name for name in order]).digest == Engine.load(folder).digest


def test_folders_inside_a_folder_are_other_packages(tmp_path: Path) -> None:
    folder = write(tmp_path, {**FILES, "shop/inner/more.abac": "package nonsense ???"})
    assert Engine.load(folder).digest == Engine.load(write(tmp_path / "again")).digest


@pytest.mark.parametrize(
    ("policies", "code"),
    [
        ("", "no-policy"),
        ("policy p: deny-overrides { permit r otherwise } policy q: deny-overrides { deny s otherwise }", "second-policy"),
    ],
)
def test_a_package_has_exactly_one_policy_at_the_top(policies: str, code: str) -> None:
    assert complaints(lambda: Engine.from_text(SCHEMA + policies)) == [code]


def test_names_of_rules_are_unique_in_a_package() -> None:
    policy = "policy p: deny-overrides { deny r when context.n > 1 policy q: deny-overrides { permit r when context.n > 2 } }"
    assert complaints(lambda: Engine.from_text(SCHEMA + policy)) == ["duplicate-name"]


def test_a_name_declared_in_two_files_is_refused(tmp_path: Path) -> None:
    files = {**FILES, "shop/more.abac": "package shop\nrecord Rates { code: String }\n"}
    assert "duplicate-name" in complaints(lambda: Engine.load(write(tmp_path, files)))


# ── the names of packages ────────────────────────────────────────────────────────────────────────────────


def test_a_package_is_called_as_its_folder_is(tmp_path: Path) -> None:
    folder = write(tmp_path)
    folder.rename(tmp_path / "market")
    assert "wrong-package" in complaints(lambda: Engine.load(tmp_path / "market"))


def test_all_files_of_a_folder_name_the_same_package(tmp_path: Path) -> None:
    files = {**FILES, "shop/zebra.abac": "package zoo\nconst Z = 1\n"}
    assert complaints(lambda: Engine.load(write(tmp_path, files))) == ["wrong-package"]


def test_an_imported_package_is_called_as_its_folder_is(tmp_path: Path) -> None:
    files = {**FILES, "lib/words/words.abac": WORDS.replace("package lib.words", "package words")}
    assert "wrong-package" in complaints(lambda: Engine.load(write(tmp_path, files)))


def test_a_nested_package_counts_its_root_from_its_whole_name(tmp_path: Path) -> None:
    files = {name.replace("shop/", "eu/shop/"): text.replace("package shop", "package eu.shop") for name, text in FILES.items()}
    write(tmp_path, files)
    assert Engine.load(tmp_path / "eu" / "shop").decide(WHO, "read", WHAT, {"n": 11}, at=NOON).permitted


# ── imports ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_an_import_imports_is_not_imported_with_it(tmp_path: Path) -> None:
    files = {**FILES, "shop/policy.abac": POLICY.replace("big(context.n)", "context.n > LIMIT")}
    assert "unknown-name" in complaints(lambda: Engine.load(write(tmp_path, files)))


def test_an_import_in_one_file_serves_the_whole_folder(tmp_path: Path) -> None:
    files = {
        **FILES,
        "shop/policy.abac": POLICY.replace("import lib.words\n", "").replace("big(context.n)", "large"),
        "shop/large.abac": "package shop\nimport lib.words\ndefine large = big(context.n)\n",
    }
    assert Engine.load(write(tmp_path, files)).decide(WHO, "read", WHAT, {"n": 11}, at=NOON).permitted


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"lib/words/words.abac": WORDS.replace("n > LIMIT", "context.n > LIMIT")}, "request-in-library"),
        ({"lib/words/words.abac": WORDS.replace("n > LIMIT", "subject.id == action")}, "request-in-library"),
        ({"shop/policy.abac": POLICY.replace("lib.words", "lib.wards")}, "unknown-package"),
        ({"shop/policy.abac": POLICY.replace("lib.words", "shop")}, "cyclic-import"),
        ({"lib/numbers/numbers.abac": "package lib.numbers\nimport lib.words\nconst LIMIT = 10\n"}, "cyclic-import"),
        ({"lib/words/words.abac": WORDS.replace("lib.numbers", "shop")}, "cyclic-import"),
        ({"lib/words/words.abac": WORDS + "define friends = 1\n"}, "duplicate-name"),
        ({"lib/words/words.abac": WORDS + "!"}, "unexpected-character"),
    ],
)
def test_an_import_that_does_not_work_is_refused(tmp_path: Path, changed: dict[str, str], code: str) -> None:
    assert code in complaints(lambda: Engine.load(write(tmp_path, {**FILES, **changed})))


def test_a_cycle_of_imports_is_written_out(tmp_path: Path) -> None:
    files = {**FILES, "lib/numbers/numbers.abac": "package lib.numbers\nimport shop\nconst LIMIT = 10\n"}
    with pytest.raises(PolicyErrors) as caught:
        Engine.load(write(tmp_path, files))
    message = "package `shop` imports itself: shop → lib.words → lib.numbers → shop"
    assert message in [each.message for each in caught.value.diagnostics]


def test_a_package_imported_twice_is_read_once(tmp_path: Path) -> None:
    policy = POLICY.replace("import lib.words", "import lib.words\nimport lib.numbers").replace("big(context.n)", "context.n > LIMIT")
    files = {**FILES, "shop/policy.abac": policy}
    assert Engine.load(write(tmp_path, files)).decide(WHO, "read", WHAT, {"n": 11}, at=NOON).permitted


def test_an_imported_package_decides_nothing_by_its_own_policy(tmp_path: Path) -> None:
    files = {**FILES, "lib/words/words.abac": WORDS + "policy q: permit-overrides { permit always otherwise }\n"}
    engine = Engine.load(write(tmp_path, files))
    assert engine.decide({"id": "eve"}, "read", WHAT, {"n": 11}, at=NOON).rule == "rest"


def test_a_link_in_an_imported_package_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "root")
    (tmp_path / "more.abac").write_text("package lib.words\n")
    (tmp_path / "root" / "lib" / "words" / "more.abac").symlink_to(tmp_path / "more.abac")
    with pytest.raises(LoadError, match="a link that leaves `root`"):
        Engine.load(folder)


def test_an_imported_package_outside_of_the_root_is_never_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "root")
    shutil.move(tmp_path / "root" / "lib", tmp_path / "lib")
    (tmp_path / "root" / "lib").symlink_to(tmp_path / "lib", target_is_directory=True)
    assert "outside-root" in complaints(lambda: Engine.load(folder))


def test_text_has_no_folder_to_import_from() -> None:
    text = SCHEMA.replace("package shop", "package shop\nimport lib.words") + "policy p: deny-overrides { permit r otherwise }"
    assert complaints(lambda: Engine.from_text(text))[0] == "unknown-package"


# ── the digest ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", FILES)
def test_a_byte_more_in_any_file_that_was_read_is_another_digest(tmp_path: Path, name: str) -> None:
    before = Engine.load(write(tmp_path / "before")).digest
    more = " " if name.endswith("json") else "CH,2\n" if name.endswith("csv") else "# more\n"
    assert Engine.load(write(tmp_path / "after", {**FILES, name: FILES[name] + more})).digest != before


def test_the_digest_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two" / "deeper")
    (two / "README.md").write_text("not read")
    (two / "other.csv").write_text("not read")
    (two.parent / "lib" / "unused").mkdir()
    (two.parent / "lib" / "unused" / "x.abac").write_text("package lib.unused")
    assert Engine.load(one).digest == Engine.load(two).digest == Engine.load(one).digest


def test_the_digest_is_the_same_however_the_folder_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path)
    monkeypatch.chdir(tmp_path)
    ways = (folder, "shop", f"../{tmp_path.name}/shop", "lib/../shop")
    assert len({Engine.load(path).digest for path in ways}) == 1


def test_a_data_file_in_a_folder_called_as_another_package_is_part_of_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"shop/lib/words/rows.csv": "code,rate\nEU,1\n", "lib/words/rows.csv": "code\nEU\n"}
    words = WORDS + 'record Row { code: String }\ndata codes: Row = table "rows.csv" key code\n'
    files = {**FILES, **rows, "shop/data.abac": DATA.replace("rates.csv", "lib/words/rows.csv"), "lib/words/words.abac": words}
    monkeypatch.chdir(tmp_path)
    write(tmp_path, files)
    before = Engine.load("shop").digest
    for name, text in rows.items():
        write(tmp_path, {**files, name: text.replace("EU", "CH")})
        assert Engine.load("shop").digest != before


def test_a_file_under_another_name_is_another_digest(tmp_path: Path) -> None:
    folder = write(tmp_path)
    before = Engine.load(folder).digest
    (folder / "data.abac").rename(folder / "datum.abac")
    assert Engine.load(folder).digest != before


def test_what_stands_in_one_file_or_in_the_next_is_not_the_same(tmp_path: Path) -> None:
    moved = {"shop/a.abac": SCHEMA, "shop/b.abac": "package shop\npolicy p: deny-overrides { permit r otherwise }\n"}
    more = {"shop/a.abac": SCHEMA + "const X = 1\n", "shop/b.abac": moved["shop/b.abac"]}
    less = {"shop/a.abac": SCHEMA, "shop/b.abac": moved["shop/b.abac"] + "const X = 1\n"}
    digests = {Engine.load(write(tmp_path / str(i), files)).digest for i, files in enumerate((moved, more, less))}
    assert len(digests) == 3


@pytest.mark.parametrize(
    "changed",
    [
        ("tzdata 1", "unicode 1", "re2 1"),
        ("tzdata 2", "unicode 1", "re2 1"),
        ("tzdata 1", "unicode 2", "re2 1"),
        ("tzdata 1", "unicode 1", "re2 2"),
    ],
)
def test_other_versions_of_what_gives_policies_their_meaning_are_another_digest(
    monkeypatch: pytest.MonkeyPatch, changed: tuple[str, ...]
) -> None:
    text = SCHEMA + "policy p: deny-overrides { permit r otherwise }"
    before = Engine.from_text(text).digest
    monkeypatch.setattr(packages, "_versions", lambda: changed)
    made = Engine.from_text(text).digest
    monkeypatch.setattr(packages, "_versions", lambda: ("tzdata 1", "unicode 1", "re2 1"))
    assert made != before
    assert (Engine.from_text(text).digest == made) is (changed == ("tzdata 1", "unicode 1", "re2 1"))


def test_the_versions_of_the_zone_database_unicode_and_re2_are_known() -> None:
    names = [each.split(" ", 1) for each in packages._versions()]
    assert [name for name, _ in names] == ["tzdata", "unicode", "re2"] and all(version for _, version in names)


def test_declarations_from_models_are_part_of_the_digest(tmp_path: Path) -> None:
    text = SCHEMA + "policy p: deny-overrides { permit r otherwise }"
    digests = {load_text(text, declarations).digest for declarations in ("", "record A { n: Int }\n", "record A { n: String }\n")}
    assert len(digests) == 3
    folder = write(tmp_path)
    assert load_paths([folder]).digest != load_paths([folder], "record A { n: Int }\n").digest


def test_every_decision_names_the_digest_it_was_made_by(tmp_path: Path) -> None:
    engine = Engine.load(write(tmp_path))
    assert engine.digest.startswith("sha256:") and len(engine.digest) == 71
    for who, action, context in ((WHO, "read", {"n": 11}), (WHO, "read", {}), (None, "read", {}), (WHO, "fly", {})):
        assert engine.decide(who, action, WHAT, context).digest == engine.digest
