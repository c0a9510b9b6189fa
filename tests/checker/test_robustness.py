"""Whatever stands in a policy, checking it ends in complaints or in a tree that evaluates: nothing else is raised, nothing overflows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from abac import Engine, LoadError, PolicyErrors
from abac.engine.pipeline import load_paths

WORLD = """package p
context { clock at: Instant, flag: Bool, note: String? }
entity User key id { id: String, email: String?, boss: User?, age: Int }
entity Bot key id { id: String, port: Int }
action view: User | Bot -> User
obligation tell(text: String)
"""
BOSS = {"id": "b", "email": "b@x", "boss": None, "age": 50}
USER = {"entity_type": "User", "id": "u", "email": None, "boss": BOSS, "age": 30}
BOT = {"entity_type": "Bot", "id": "b", "port": 80}
RESOURCE = {"id": "r", "email": "r@x", "boss": None, "age": 1}


def codes(text: str) -> set[str]:
    """What is complained about."""
    try:
        Engine.from_text(text)
    except PolicyErrors as errors:
        return {diagnostic.code for diagnostic in errors.diagnostics}
    return set()


def policy(when: str) -> str:
    return f"policy p: deny-unless-permit {{ permit r when {when} }}\n"


LONG = 600


def chain(first: str, link: Callable[[int], str], last: str) -> str:
    """Declarations each of which uses the next: the first is asked for when none of the others is known."""
    return "\n".join([first, *(link(i) for i in range(LONG)), last]) + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (chain("define d = d0", lambda i: f"define d{i} = d{i + 1}", f"define d{LONG} = context.flag"), {"nesting"}),
        (chain("define d = d0", lambda i: f"define d{i} = d{i + 1}", f"define d{LONG} = d0"), {"cyclic-definition"}),
        (chain("const C = C0", lambda i: f"const C{i} = C{i + 1}", f"const C{LONG} = 5"), set()),
        (chain("const C = C0", lambda i: f"const C{i} = C{i + 1}", f"const C{LONG} = C0"), {"cyclic-definition"}),
        (chain("type T = T0", lambda i: f"type T{i} = T{i + 1}", f"type T{LONG} = Int"), set()),
        (chain("type T = Set<T0>", lambda i: f"type T{i} = Set<T{i + 1}>", f"type T{LONG} = Int"), {"nesting"}),
        (chain("type T = T0", lambda i: f"type T{i} = List<T{i + 1}>", f"type T{LONG} = T0"), {"cyclic-definition"}),
        (chain("", lambda i: f"entity E{i} in E{i + 1} key id {{ id: String }}", f"entity E{LONG} in E0 key id {{ id: String }}"), set()),
        (chain("", lambda i: f"record R{i} {{ next: R{i + 1}? }}", f"record R{LONG} {{ next: R0? }}"), set()),
    ],
)  # fmt: skip
def test_no_chain_of_declarations_is_too_long(text: str, expected: set[str]) -> None:
    assert codes(WORLD + text + policy("context.flag")) == expected


def test_a_chain_of_guards_handed_on_through_definitions_stays_small() -> None:
    """Each definition doubles what it asks of its callers; written out at once that would be 2 ** 60 parts."""
    steps = "\n".join(f"define f{i}(u: User) = f{i - 1}(pick(u, u))" for i in range(1, 60))
    text = WORLD + 'define pick(u: User, v: User) = if context.flag then u else v\ndefine f0(u: User) = u.email == "x"\n' + steps
    assert codes(text + "\n" + policy("subject is User and f59(subject)")) == {"unguarded-optional"}


def test_a_guard_handed_on_through_definitions_is_kept() -> None:
    steps = "\n".join(f"define f{i}(u: User) = f{i - 1}(u)" for i in range(1, 40))
    text = WORLD + 'define f0(u: User) = u.email == "x"\n' + steps + "\n"
    assert codes(text + policy("subject is User and subject has email and f39(subject)")) == set()
    assert codes(text + policy("subject is User and f39(subject)")) == {"unguarded-optional"}


def test_a_variable_of_a_quantifier_inside_a_guard_is_not_taken_for_another() -> None:
    """What a definition asks of a user chosen by a quantifier cannot be asked of its callers, whose `c` is another."""
    text = (
        WORLD
        + """
define chosen(p: User) = (if some c in [1, 2]: p.age > c then p else p.boss).email == "x"
define asked(c: User) = c has email and chosen(c)
"""
    )
    assert codes(text + policy("context.flag")) == {"unguarded-optional"}


@pytest.mark.parametrize("deep", ["not ", "1 == 1 and not ", "if context.flag then true else not "])
def test_the_deepest_condition_that_is_accepted_can_be_decided_far_down_the_stack(deep: str) -> None:
    """A chain of definitions just below the limit, decided with half of Python's stack used up."""
    accepted = 0
    for length in range(52, 1, -1):
        steps = "\n".join(f"define d{i} = {deep}d{i - 1}" for i in range(1, length))
        text = WORLD + f"define d0 = context.flag\n{steps}\n" + policy(f"d{length - 1} and context.flag")
        if not codes(text):
            accepted = length
            break
    assert accepted > 10
    engine = Engine.from_text(text)

    def down(levels: int) -> str:
        if levels:
            return down(levels - 1)
        return str(engine.decide(USER, "view", RESOURCE, {"at": "2026-01-01T00:00:00Z", "flag": True, "note": None}).effect)

    assert down(sys.getrecursionlimit() // 4) in ("permit", "deny")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("(some f in context.flags: subject is User) and subject.age > 1", {"unknown-attribute"}),
        ("not (every f in context.flags: subject is Bot) and subject.age > 1", {"unknown-attribute"}),
        ("(if context.flag then subject is User else false) and subject.age > 1", {"unknown-attribute"}),
        ("(if context.flag then true else subject is Bot) or subject.age > 1", {"unknown-attribute"}),
        ("(if context.flag then subject is User else false) and count(chain subject by boss) > 1", {"unknown-attribute"}),
        ("(if context.flag then subject is User else false) and old(subject)", {"type-mismatch"}),
        ("undecided and subject.age > 1", {"unknown-attribute"}),
        ("(if subject is User then context.flag else false) and subject.age > 1", set()),
        ("(if subject is Bot then true else context.flag) or subject.age > 1", set()),
        ("(if subject is Bot then false else context.flag) and subject.age > 1", set()),
        ("((subject is User and context.flag) or (subject is User and context.open)) and subject.age > 1", set()),
        ("decided and subject.age > 1", set()),
        ("(some f in context.flags: f and context has note) and context.note == \"x\"", set()),
    ],
)  # fmt: skip
def test_a_guard_that_may_be_undecided_says_nothing_about_types(when: str, expected: set[str]) -> None:
    """What stands behind an undecided guard is evaluated, and a Bot has no age."""
    world = WORLD.replace("flag: Bool,", "flag: Bool, open: Bool, flags: List<Bool>,")
    definitions = """
define old(u: User) = u.age > 60
define decided = subject is User and context.flag
define undecided = if context.flag then subject is User else false
"""
    rule = f'deny r when {when} even if unknown because "{{subject.id}}" oblige tell(subject.id)'
    text = f"{world}{definitions}policy p: deny-overrides {{ {rule} }}\n"
    assert codes(text) == expected
    for subject in (USER, BOT) if not expected else ():
        for context in ({}, {"flag": 5, "flags": 5}, {"flag": True, "flags": [], "open": None}):
            assert str(Engine.from_text(text).decide(subject, "view", RESOURCE, context).effect) in ("deny", "not-applicable")


def test_a_deny_whose_witnesses_are_unknown_shows_nothing_that_its_condition_promises() -> None:
    world = WORLD.replace("flag: Bool,", "flag: Bool, flags: List<Bool>,")
    rule = "for some f in context.flags when subject is User and f oblige tell(subject.id) oblige count_years(subject.age)"
    world += "obligation count_years(years: Int)\n"
    assert codes(world + f"policy p: deny-overrides {{ permit r {rule} }}\n") == set()
    assert codes(world + f"policy p: deny-overrides {{ deny r {rule} }}\n") == {"unknown-attribute"}


def test_an_import_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.abac").write_text("package a\n")
    root = tmp_path / "root"
    (root / "p").mkdir(parents=True)
    (root / "a").symlink_to(tmp_path / "elsewhere")
    (root / "p" / "p.abac").write_text(WORLD.replace("package p\n", "package p\nimport a\n") + policy("context.flag"))
    with pytest.raises(PolicyErrors) as raised:
        load_paths([root / "p"])
    assert [d.code for d in raised.value.diagnostics] == ["outside-root"]


def test_data_behind_a_link_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("id\nx\n")
    root = tmp_path / "root"
    (root / "p").mkdir(parents=True)
    (root / "p" / "rows.csv").symlink_to(tmp_path / "secret.csv")
    text = WORLD + 'record Row { id: String }\ndata rows: Row = table "rows.csv" key id\n' + policy("context.flag")
    (root / "p" / "p.abac").write_text(text)
    with pytest.raises(PolicyErrors) as raised:
        load_paths([root / "p"])
    assert [d.code for d in raised.value.diagnostics] == ["unreadable-data"]


def test_a_policy_file_that_is_not_utf_8_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "p.abac").write_bytes(b"package p\n# \xff\n")
    with pytest.raises(LoadError, match="not UTF-8"):
        load_paths([tmp_path / "p"])


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "rows.csv").write_bytes('\ufeffid,name\r\nx,"two\nlines"\r\n'.encode())
    text = WORLD + 'record Row { id: String, name: String }\ndata rows: Row = table "rows.csv" key id\n' + policy("context.flag")
    (tmp_path / "p" / "p.abac").write_text(text)
    (table,) = load_paths([tmp_path / "p"]).package.tables.values()
    assert {key: row.fields["name"] for key, row in table.rows.items()} == {"x": "two\nlines"}


def test_a_table_with_too_many_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "rows.csv").write_text("id\n" + "\n".join(f"x{i}" for i in range(10_001)) + "\n")
    text = WORLD + 'record Row { id: String }\ndata rows: Row = table "rows.csv" key id\n' + policy("context.flag")
    (tmp_path / "p" / "p.abac").write_text(text)
    with pytest.raises(PolicyErrors) as raised:
        load_paths([tmp_path / "p"])
    assert [d.code for d in raised.value.diagnostics] == ["too-large"]
