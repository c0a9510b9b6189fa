"""An engine loads policies or says why not, decides by one version at a time, and never lets a broken one replace a working one."""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel

from abac import AbacError, Decision, Duty, Effect, Engine, LoadError, PolicyErrors
from abac.model.limits import MAX_FILE_BYTES, MAX_PACKAGE_BYTES

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 7, 15, 12, tzinfo=UTC)
WHO, WHAT = {"id": "alice"}, {"id": "doc"}

SCHEMA = """package shop
entity Person key id { id: String }
entity Paper key id { id: String }
context { clock at: Instant, a: Bool, n: Int? = absent }
action read: Person -> Paper
obligation log(), log.more() as "log-more.v2"
advice ring()
"""


def text(rules: str) -> str:
    return f"{SCHEMA}policy p: deny-overrides {{ {rules} }}\n"


def folder(root: Path, rules: str = "permit r when context.a") -> Path:
    made = root / "shop"
    made.mkdir(exist_ok=True)
    (made / "main.abac").write_text(text(rules), encoding="utf-8")
    return made


# ── permits ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("duties", "discharges", "is_permitted"),
    [
        ("", set(), True),
        ("advise ring()", set(), True),
        ("oblige log()", set(), False),
        ("oblige log()", {"log"}, True),
        ("oblige log()", {"ring", "log-more.v2"}, False),
        ("oblige log.more()", {"log.more"}, False),
        ("oblige log.more()", {"log-more.v2"}, True),
        ("oblige log(), log.more()", {"log"}, False),
        ("oblige log(), log.more()", {"log", "log-more.v2", "else"}, True),
        ("oblige log() if context has n", set(), True),
    ],
)
def test_a_permit_with_an_obligation_that_nobody_discharges_permits_nothing(duties: str, discharges: set[str], is_permitted: bool) -> None:
    engine = Engine.from_text(text(f"permit r when context.a {duties}"), discharges=discharges)
    assert engine.decide(WHO, "read", WHAT, {"a": True}).permitted
    assert engine.permits(WHO, "read", WHAT, {"a": True}) is is_permitted
    assert engine.permits(WHO, "read", WHAT, {"a": False}) is False
    assert engine.permits(WHO, "read", WHAT, {}) is False
    assert engine.permits(None, "read", WHAT, {"a": True}) is False


def test_a_load_says_which_obligations_nobody_discharges(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "abac"):
        engine = Engine.from_text(text("permit r when context.a"), discharges=["log"])
    assert engine.undischarged == ("log-more.v2",)
    assert [r.message for r in caplog.records if r.levelno >= logging.WARNING] == [
        "nobody discharges log-more.v2: `permits` is false for every permit that carries one of them"
    ]
    caplog.clear()
    with caplog.at_level(logging.INFO, "abac"):
        assert Engine.from_text(text("permit r when context.a"), discharges=["log", "log-more.v2"]).undischarged == ()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_discharges_are_taken_as_they_were_given() -> None:
    given = {"log"}
    engine = Engine.from_text(text("permit r when context.a oblige log()"), discharges=given)
    given.clear()
    assert engine.permits(WHO, "read", WHAT, {"a": True})


# ── decisions ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("context", "effect"),
    [({"a": True}, Effect.PERMIT), ({"a": False}, Effect.NOT_APPLICABLE), ({}, Effect.INDETERMINATE), ({"a": True, "n": 1}, Effect.DENY)],
)
def test_only_permit_permits_and_no_decision_is_true_or_false(context: dict[str, object], effect: Effect) -> None:
    decision = Engine.from_text(text("permit r when context.a deny s when context.a and context has n")).decide(WHO, "read", WHAT, context)
    assert decision.effect is effect
    assert decision.permitted is (effect is Effect.PERMIT)
    with pytest.raises(TypeError, match=r"decision\.permitted"):
        bool(decision)
    with pytest.raises(TypeError):
        assert not decision


def test_a_decision_and_its_parts_do_not_change() -> None:
    decision = Engine.from_text(text("permit r when context.a oblige log()")).decide(WHO, "read", WHAT, {"a": True})
    with pytest.raises(AttributeError):
        decision.effect = Effect.DENY  # type: ignore[misc]  # that it cannot be done is the point
    assert decision.obligations == (Duty("log"),)


def test_the_defaults_of_a_model_count_as_stated() -> None:
    class Context(BaseModel):
        a: bool = True
        n: int | None = None

    engine = Engine.from_text(text("permit r when context.a and not context has n deny s when context has n"))
    assert engine.decide(WHO, "read", WHAT, Context()).rule == "r"
    assert engine.decide(WHO, "read", WHAT, Context(n=1)).rule == "s"
    assert engine.decide(WHO, "read", WHAT, Context(a=False)).effect is Effect.NOT_APPLICABLE


class Raising:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("nobody may ask")


BAD: list[object] = [None, 5, "x", [], {}, object(), Raising(), float("nan"), {"id": Raising()}, {1: 2}, type, b"id"]


@pytest.mark.parametrize("index", range(len(BAD)))  # pytest asks its parameters for names, and some of these raise
def test_no_request_is_so_bad_that_a_decision_raises(index: int) -> None:
    bad = BAD[index]
    engine = Engine.from_text(text("permit r when context.a"))
    for request in ((bad, "read", WHAT, {"a": True}), (WHO, bad, WHAT, {"a": True}), (WHO, "read", bad, {"a": True})):
        decision = engine.decide(*request)
        assert (decision.effect, decision.code) == (Effect.INDETERMINATE, "invalid_request")
        assert not engine.permits(*request)
    assert not engine.permits(WHO, "read", WHAT, bad)
    assert not engine.permits(WHO, "read", WHAT, {"a": bad})


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────

CLOCKED = text("permit r when now < 2026-08-01T00:00:00Z")
JULY, AUGUST = {"a": True, "at": "2026-07-15T12:00:00Z"}, {"a": True, "at": "2026-08-15T12:00:00Z"}


def test_a_request_sets_the_clock_only_where_the_engine_trusts_it() -> None:
    trusting = Engine.from_text(CLOCKED, trust_request_clock=True)
    assert trusting.permits(WHO, "read", WHAT, JULY) and not trusting.permits(WHO, "read", WHAT, AUGUST)
    own = Engine.from_text(text("permit r when now < 2001-01-01T00:00:00Z"))
    assert not own.permits(WHO, "read", WHAT, {"at": "2000-01-01T00:00:00Z"})
    assert own.permits(WHO, "read", WHAT, AUGUST, at=dt.datetime(2000, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("trust", [True, False])
def test_a_clock_that_the_caller_gives_is_the_clock(trust: bool) -> None:
    engine = Engine.from_text(CLOCKED, trust_request_clock=trust)
    assert engine.permits(WHO, "read", WHAT, AUGUST, at=NOON)
    assert not engine.permits(WHO, "read", WHAT, JULY, at=NOON + dt.timedelta(days=30))
    assert engine.decide(WHO, "read", WHAT, JULY, at=NOON.replace(tzinfo=None)).effect is Effect.INDETERMINATE


def test_the_same_request_at_the_same_time_is_the_same_decision() -> None:
    decisions = {repr(Engine.from_text(CLOCKED).decide(WHO, "read", WHAT, {"a": True}, at=NOON)) for _ in range(3)}
    assert len(decisions) == 1


# ── loading ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("as_", [str, Path, lambda path: [path], lambda path: [path / "main.abac"], lambda path: str(path) + "/"])
def test_a_folder_or_its_files_are_loaded_by_any_path(tmp_path: Path, as_: object) -> None:
    assert callable(as_)
    assert Engine.load(as_(folder(tmp_path))).permits(WHO, "read", WHAT, {"a": True})


def test_text_gives_the_same_decisions_as_a_file(tmp_path: Path) -> None:
    rules = "permit r when context.a oblige log()"
    for context in ({"a": True}, {"a": False}, {}):
        from_file = Engine.load(folder(tmp_path, rules)).decide(WHO, "read", WHAT, context)
        from_text = Engine.from_text(text(rules)).decide(WHO, "read", WHAT, context)
        assert (from_file.effect, from_file.rule, from_file.obligations) == (from_text.effect, from_text.rule, from_text.obligations)


def refused(*paths: Path | str) -> str:
    with pytest.raises(LoadError) as caught:
        Engine.load(list(paths) if len(paths) != 1 else paths[0])
    return str(caught.value)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none") == f"{tmp_path / 'none'}: no such file or folder"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(folder(tmp_path) / "main.abac", tmp_path / "shop" / "none.abac")


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("package shop")
    assert refused(tmp_path) == f"{tmp_path}: no .abac files in this folder"


def test_nothing_at_all_is_refused() -> None:
    assert refused() == "nothing to load: give a folder or files"


@pytest.mark.parametrize("path", ["a" * 5_000, "a\0b", ""])
def test_a_path_that_no_system_has_is_refused(path: str) -> None:
    assert refused(path)


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(folder(tmp_path) / "main.abac" / "x.abac")


def test_a_folder_among_files_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "more.abac").mkdir()
    assert refused(made / "main.abac", made / "more.abac") == f"{made / 'more.abac'}: give one folder, or files of one folder"


def test_a_folder_named_like_a_policy_is_no_policy(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "more.abac").mkdir()
    assert Engine.load(made).permits(WHO, "read", WHAT, {"a": True})
    assert "no .abac files" in refused(made / "more.abac")


def test_a_link_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    made = folder(root)
    (tmp_path / "outside.abac").write_text("package shop\nconst X = 1\n")
    (made / "linked.abac").symlink_to(tmp_path / "outside.abac")
    assert refused(made) == f"{made / 'linked.abac'}: a link that leaves `root`"
    assert "a link that leaves" in refused(made / "main.abac", made / "linked.abac")


def test_links_inside_the_root_are_followed(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "..data").mkdir()
    (made / "main.abac").rename(made / "..data" / "main.abac")
    (made / "main.abac").symlink_to(Path("..data") / "main.abac")
    (tmp_path / "current").symlink_to(made, target_is_directory=True)
    for path in (made, tmp_path / "current"):
        assert Engine.load(path).permits(WHO, "read", WHAT, {"a": True})


@pytest.mark.parametrize("target", ["main.abac", "none.abac"])
def test_a_link_that_leads_nowhere_is_no_policy(tmp_path: Path, target: str) -> None:
    made = folder(tmp_path, "permit r when context.a")
    (made / "main.abac").unlink()
    (made / "main.abac").symlink_to(target)
    assert "no .abac files" in refused(made)


def test_files_of_different_folders_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.abac").write_text("package other")
    assert refused(folder(tmp_path) / "main.abac", other / "b.abac").startswith("files of different folders: ")


@pytest.mark.parametrize(
    "content", [b"package shop\n\xff\xfe", "package shop".encode("utf-16"), b"package shop\n# \xe9\n", b"\xed\xa0\x80"]
)
def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path, content: bytes) -> None:
    made = folder(tmp_path)
    (made / "bad.abac").write_bytes(content)
    line = 2 if b"\n" in content and not content.startswith(b"\xff") else 1
    assert refused(made).startswith(f"{made / 'bad.abac'}:{line}: not UTF-8: byte 0x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file, so no file is unreadable")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    made = folder(tmp_path)
    (made / "main.abac").chmod(0)
    assert "Permission denied" in refused(made)


def test_a_file_that_fails_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, mode: str) -> object:
        raise OSError(5, "Input/output error")

    made = folder(tmp_path)
    monkeypatch.setattr(Path, "open", broken)
    assert refused(made) == f"{made / 'main.abac'}: Input/output error"


def test_a_file_that_is_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    made = folder(tmp_path)
    os.mkfifo(made / "pipe.abac")
    assert Engine.load(made).permits(WHO, "read", WHAT, {"a": True})
    assert "no such file" in refused(made / "main.abac", made / "pipe.abac")


@pytest.mark.parametrize(("size", "is_refused"), [(MAX_FILE_BYTES, False), (MAX_FILE_BYTES + 1, True)])
def test_a_file_beyond_thirty_two_mebibytes_is_refused(tmp_path: Path, size: int, is_refused: bool) -> None:
    assert MAX_FILE_BYTES == 32 * 2**20
    made = folder(tmp_path)
    main = (made / "main.abac").read_bytes()
    # One comment fills the file up: it is read whole, and costs the parser nothing.
    (made / "main.abac").write_bytes(main + b"#" * (size - len(main)))
    if is_refused:
        assert refused(made) == f"{made / 'main.abac'}: larger than {MAX_FILE_BYTES} bytes"
    else:
        assert Engine.load(made).permits(WHO, "read", WHAT, {"a": True})


@pytest.mark.parametrize("over", [0, 1])
def test_a_package_beyond_the_limit_of_all_its_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: int) -> None:
    assert MAX_PACKAGE_BYTES == 64 * 2**20
    made = folder(tmp_path)
    (made / "more.abac").write_text("package shop\nconst X = 1\n")
    total = sum(each.stat().st_size for each in made.iterdir())
    monkeypatch.setattr("abac.engine.packages.MAX_PACKAGE_BYTES", total - over)
    if over:
        assert refused(made) == f"the package is larger than {total - 1} bytes in all (reached at more.abac)"
    else:
        assert Engine.load(made).permits(WHO, "read", WHAT, {"a": True})


@pytest.mark.parametrize(
    "comment",
    ["\u202e", "\u2066", "\u200b", "\x00", "\x1b", "e\u0301"],
    ids=["override", "isolate", "zero width", "null", "escape", "decomposed"],
)
def test_text_that_does_not_look_like_what_it_says_is_refused(tmp_path: Path, comment: str) -> None:
    made = folder(tmp_path)
    (made / "more.abac").write_text(f"package shop\n# {comment}\n", encoding="utf-8")
    with pytest.raises(PolicyErrors) as caught:
        Engine.load(made)
    assert {each.span.source.position(each.span.start)[0] for each in caught.value.diagnostics} == {2}


def test_names_are_ascii(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors):
        Engine.from_text(text("permit r when context.a").replace("policy p", "policy pаy"))


def test_a_package_in_a_folder_of_another_name_is_refused(tmp_path: Path) -> None:
    folder(tmp_path).rename(tmp_path / "market")
    with pytest.raises(PolicyErrors) as caught:
        Engine.load(tmp_path / "market")
    assert {each.code for each in caught.value.diagnostics} == {"wrong-package"}


def test_every_complaint_is_raised_at_once_and_every_error_has_one_base() -> None:
    with pytest.raises(AbacError) as caught:
        Engine.from_text(text("permit r when context.b deny s when context.c permit t when 1"))
    assert isinstance(caught.value, PolicyErrors)
    assert [each.code for each in caught.value.diagnostics] == ["unknown-attribute", "unknown-attribute", "type-mismatch"]
    assert issubclass(LoadError, AbacError)


# ── replacing policies ───────────────────────────────────────────────────────────────────────────────────


def test_a_reload_puts_the_new_policy_in_place(tmp_path: Path) -> None:
    engine = Engine.load(made := folder(tmp_path))
    before = engine.digest
    assert engine.permits(WHO, "read", WHAT, {"a": True})
    (made / "main.abac").write_text(text("deny r when context.a"), encoding="utf-8")
    assert engine.permits(WHO, "read", WHAT, {"a": True}), "nothing changes before the reload"
    engine.reload()
    assert engine.decide(WHO, "read", WHAT, {"a": True}).effect is Effect.DENY
    assert engine.digest != before


@pytest.mark.parametrize("broken", ["permit r when context.zzz", "permit r when", "permit r otherwise }} {{"])
def test_a_broken_policy_never_replaces_a_working_one(tmp_path: Path, broken: str) -> None:
    engine = Engine.load(made := folder(tmp_path))
    before, state = engine.digest, engine.state
    (made / "main.abac").write_text(text(broken), encoding="utf-8")
    with pytest.raises(PolicyErrors):
        engine.reload()
    assert (engine.digest, engine.state is state) == (before, True)
    assert engine.permits(WHO, "read", WHAT, {"a": True})
    folder(tmp_path, "deny r when context.a")
    engine.reload()
    assert not engine.permits(WHO, "read", WHAT, {"a": True})


def test_a_policy_that_vanished_never_replaces_a_working_one(tmp_path: Path) -> None:
    engine = Engine.load(made := folder(tmp_path))
    (made / "main.abac").unlink()
    with pytest.raises(LoadError):
        engine.reload()
    assert engine.permits(WHO, "read", WHAT, {"a": True})


def test_a_reload_keeps_what_the_caller_discharges_and_trusts(tmp_path: Path) -> None:
    rules = "permit r when now < 2026-08-01T00:00:00Z oblige log()"
    engine = Engine.load(folder(tmp_path, rules), discharges={"log"}, trust_request_clock=True)
    engine.reload()
    assert engine.permits(WHO, "read", WHAT, JULY)


def test_threads_that_decide_during_reloads_see_one_version_whole(tmp_path: Path) -> None:
    versions = {}
    for code in ("one", "two"):
        rules = f'permit r when context.a code {code} because "{code}" oblige log() if context has n advise ring() unless context has n'
        versions[Engine.load(folder(tmp_path, rules)).digest] = code
    engine = Engine.load(folder(tmp_path, rules))
    stop, mixed, seen = threading.Event(), [], set()

    def decide() -> None:
        while not stop.is_set():
            found: Decision = engine.decide(WHO, "read", WHAT, {"a": True})
            seen.add(found.code)
            if not found.code == found.reason == versions.get(found.digest):
                mixed.append(found)

    threads = [threading.Thread(target=decide) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for round in range(12):
            code = ("one", "two")[round % 2]
            folder(tmp_path, rules.replace("two", code))
            engine.reload()
            assert engine.decide(WHO, "read", WHAT, {"a": True}).code == code
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not mixed and seen == {"one", "two"}


def test_an_engine_knows_when_its_policy_came_into_force(tmp_path: Path) -> None:
    before = dt.datetime.now(UTC)
    engine = Engine.load(folder(tmp_path))
    first = engine.state.loaded_at
    engine.reload()
    assert before <= first <= engine.state.loaded_at <= dt.datetime.now(UTC)


def test_a_state_that_was_taken_stays_what_it_was(tmp_path: Path) -> None:
    engine = Engine.load(folder(tmp_path))
    state = engine.state
    folder(tmp_path, "deny r when context.a")
    engine.reload()
    assert state.digest != engine.digest and state.package.policy.children != engine.state.package.policy.children


def test_a_file_that_is_no_policy_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("package p", "utf-8")
    with pytest.raises(LoadError, match=r"notes\.txt: not a policy file: its name does not end in \.abac"):
        Engine.load(tmp_path / "notes.txt")


def test_a_folder_of_packages_says_which_packages_it_has(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.abac").write_text(f"package {name}", "utf-8")
    with pytest.raises(LoadError, match=r"no \.abac files in this folder; give one of the packages in it: a, b"):
        Engine.load(tmp_path)
