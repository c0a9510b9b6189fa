"""The compile cache: what is in it is used only if all it was made of is as it was and nobody else can have written it; whatever is wrong
with it, policies are compiled anew and decide the same."""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import abac.engine.store as engine_store
from abac import Engine, PolicyErrors
from abac.compiler import Compiled
from abac.engine.folder import SUFFIX, Folder, cache_folder
from abac.engine.pipeline import check_paths, load_paths
from abac.model.schema import Schema

NOON = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)
ROOT = Path(__file__).parents[2]
POLICY = """package shop
{imports}
entity Person key id {{ id: String, role: String }}
entity Paper key id {{ id: String }}
context {{ clock at: Instant, a: Bool, n: Int? = absent }}
action read: Person -> Paper
obligation log()
policy p: deny-overrides {{
  permit chiefs when subject.role == "{role}" because "{{subject.id}} may read {{resource.id}}." oblige log()
  deny early when context.at < 2020-01-01T00:00:00Z
}}
"""


class Shop:
    """A package, and a folder for what is compiled of it."""

    def __init__(self, root: Path) -> None:
        self.folder, self.cache = root / "shop", root / "cache"
        self.folder.mkdir()
        self.write("chief")

    def write(self, role: str, imports: str = "") -> None:
        (self.folder / "main.abac").write_text(POLICY.format(role=role, imports=imports))

    def load(self, **options: object) -> Engine:
        return Engine.load(self.folder, cache=self.cache, **options)  # type: ignore[arg-type]  # those of `load`

    @property
    def entries(self) -> list[Path]:
        return sorted(self.cache.glob(f"*{SUFFIX}"))

    @property
    def entry(self) -> Path:
        (only,) = self.entries
        return only


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line for each time that policies are compiled."""
    from abac.engine import pipeline

    made: list[str] = []
    compile_package = pipeline.compile_package

    def counted(*arguments: object, **options: object) -> Compiled:
        made.append("compiled")
        return compile_package(*arguments, **options)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(pipeline, "compile_package", counted)
    return made


def answers(engine: Engine) -> list[dict[str, object]]:
    """Decisions in two values, in three, on what is no request, and explanations."""
    found = []
    for role in ("chief", "clerk", None):
        who = {"id": "ann", "role": role}
        for context in ({"a": True}, {}, None, 7):
            found.append(engine.decide(who, "read", {"id": "doc"}, context, NOON).to_dict())
            found.append({"permits": engine.permits(who, "read", {"id": "doc"}, context, NOON)})
            found.append(engine.explain(who, "read", {"id": "doc"}, context, at=NOON).to_dict())
    return found


# ── the second load ──────────────────────────────────────────────────────────────────────────────────────


def test_the_second_load_compiles_nothing_and_decides_the_same(shop: Shop, compilations: list[str]) -> None:
    fresh = Engine.load(shop.folder, discharges={"log"})
    first = shop.load(discharges={"log"})
    again = shop.load(discharges={"log"})
    assert len(compilations) == 2
    assert answers(fresh) == answers(first) == answers(again)
    assert fresh.digest == again.digest and again.schema == fresh.schema
    assert again.permits({"id": "ann", "role": "chief"}, "read", {"id": "doc"})


def test_what_a_caller_discharges_is_his_own(shop: Shop, compilations: list[str]) -> None:
    chief = {"id": "ann", "role": "chief"}
    assert not shop.load().permits(chief, "read", {"id": "doc"})
    assert shop.load(discharges={"log"}).permits(chief, "read", {"id": "doc"})
    assert not shop.load(discharges={"other"}).permits(chief, "read", {"id": "doc"})
    assert len(compilations) == 1


def test_whose_clock_is_believed_tells_entries_apart(shop: Shop) -> None:
    then = {"at": "2019-01-01T00:00:00Z", "a": True}
    chief = {"id": "ann", "role": "chief"}
    for _ in range(2):
        assert shop.load().decide(chief, "read", {"id": "doc"}, then).rule == "chiefs"
        assert shop.load(trust_request_clock=True).decide(chief, "read", {"id": "doc"}, then).rule == "early"
    assert len(shop.entries) == 2


def test_reload_takes_from_the_cache_and_puts_into_it(shop: Shop, compilations: list[str]) -> None:
    engine = shop.load()
    decide = engine.decide
    shop.write("clerk")
    engine.reload()
    assert len(compilations) == 2 and len(shop.entries) == 2
    shop.write("chief")
    engine.reload()
    assert len(compilations) == 2
    assert decide({"id": "ann", "role": "chief"}, "read", {"id": "doc"}).rule == "chiefs"
    shop.write("clerk")
    engine.reload()
    assert decide({"id": "ann", "role": "chief"}, "read", {"id": "doc"}).rule is None
    assert len(compilations) == 2


def test_a_broken_policy_is_never_found_in_the_cache(shop: Shop) -> None:
    engine = shop.load()
    (shop.folder / "main.abac").write_text("package shop\npolicy")
    with pytest.raises(PolicyErrors):
        shop.load()
    with pytest.raises(PolicyErrors):
        engine.reload()
    assert len(shop.entries) == 1


def test_the_checked_package_comes_from_the_cache_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from abac.engine import pipeline

    monkeypatch.setenv("ABAC_CACHE_DIR", str(shop.cache))
    fresh = check_paths([shop.folder], cache=False)
    shop.load(trust_request_clock=True)
    monkeypatch.setattr(pipeline, "check", None)
    assert check_paths([shop.folder], cache=True).package.findings == fresh.package.findings
    with pytest.raises(TypeError):
        check_paths([shop.folder], cache=False)


# ── what an entry depends on ─────────────────────────────────────────────────────────────────────────────


def test_another_content_name_or_schema_is_another_entry(shop: Shop, compilations: list[str], tmp_path: Path) -> None:
    shop.load()
    shop.write("clerk")
    shop.load()
    (shop.folder / "main.abac").rename(shop.folder / "other.abac")
    shop.load()
    (shop.folder / "more.abac").write_text("package shop\nadvice ring()\n")
    shop.load()
    declared = Engine.from_text(
        "package more\nentity X key id { id: String }\naction go: X -> X\npolicy p: deny-overrides { deny d when true }"
    )
    shop.load(schema=Schema(entities=declared.schema.entities))
    moved = tmp_path / "moved" / "shop"
    moved.parent.mkdir()
    shop.folder.rename(moved)
    Engine.load(moved, cache=shop.cache)
    assert len(compilations) == len(shop.entries) + 1 == 7


def test_a_changed_import_or_data_file_makes_an_entry_stale(tmp_path: Path, compilations: list[str]) -> None:
    shop = Shop(tmp_path)
    other = tmp_path / "rates"
    other.mkdir()
    shop.write("chief", imports="import rates")
    table = 'package rates\nrecord Rate { id: String, most: Int }\ndata limits: Rate = json "limits.json" key id\n'
    (other / "rates.abac").write_text(table)
    data = other / "limits.json"
    data.write_text('[{"id": "a", "most": 1}]')
    first = shop.load().digest
    assert shop.load().digest == first and len(compilations) == 1
    data.write_text('[{"id": "a", "most": 2}]')
    assert shop.load().digest != first and shop.load().digest != first and len(compilations) == 2
    (other / "more.abac").write_text("package rates\nadvice ring()\n")
    assert len(shop.load().schema.duties) == 2 and len(compilations) == 3
    data.unlink()
    with pytest.raises(PolicyErrors):
        shop.load()
    assert len(shop.entries) == 1


@pytest.mark.parametrize("what", ["version", "magic", "ours", "optimize"])
def test_another_version_is_another_entry(shop: Shop, compilations: list[str], monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    shop.load()
    engine_store._versions.cache_clear()
    if what == "ours":
        monkeypatch.setattr(engine_store, "_ours", lambda: "another")
    elif what == "magic":
        monkeypatch.setattr("importlib.util.MAGIC_NUMBER", b"1234")
    elif what == "version":
        monkeypatch.setattr("importlib.metadata.version", lambda name: "99.0")
    else:
        monkeypatch.setattr(engine_store.sys, "version", "4.0")
    try:
        shop.load()
    finally:
        monkeypatch.undo()
        engine_store._versions.cache_clear()
    assert len(shop.entries) == 2
    shop.load()
    assert len(shop.entries) == 2


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────


def damages(content: bytes) -> Iterator[bytes]:
    rng = random.Random(11)
    for _ in range(60):
        at = rng.randrange(len(content))
        yield content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    for at in (0, 1, 15, 16, 47, 48, 80, 100, len(content) // 2, len(content) - 1, *(rng.randrange(len(content)) for _ in range(20))):
        yield content[:at]
    yield content + b"\0"
    yield content * 2
    yield b"abac-compiled/2\n" + content[16:]
    yield b"\x80\x05cos\nsystem\n(S'true'\ntR."
    yield b"\0" * len(content)


def test_every_damaged_entry_is_ignored_and_made_anew(shop: Shop, compilations: list[str], caplog: pytest.LogCaptureFixture) -> None:
    expected = answers(shop.load())
    whole = shop.entry.read_bytes()
    cases = list(damages(whole))
    for i, broken in enumerate(cases):
        shop.entry.write_bytes(broken)
        caplog.clear()
        engine = shop.load()
        assert len(compilations) == i + 2
        assert [record.levelname for record in caplog.records if "is ignored" in record.message] == ["WARNING"]
        if i % 20 == 0:
            assert answers(engine) == expected
        assert shop.entry.read_bytes() not in (broken, b"")
    assert answers(shop.load()) == expected
    assert len(compilations) == len(cases) + 1


def test_an_entry_under_another_name_is_another_policys(shop: Shop, compilations: list[str], caplog: pytest.LogCaptureFixture) -> None:
    shop.load()
    chief = shop.entry
    shop.write("clerk")
    shop.load()
    (clerk,) = set(shop.entries) - {chief}
    clerk.write_bytes(chief.read_bytes())
    assert shop.load().decide({"id": "ann", "role": "chief"}, "read", {"id": "doc"}).rule is None
    assert "another policy's" in caplog.text and len(compilations) == 3


# ── who may have written it ──────────────────────────────────────────────────────────────────────────────


def _group(shop: Shop) -> None:
    shop.entry.chmod(0o620)


def _others(shop: Shop) -> None:
    shop.entry.chmod(0o602)


def _open_folder(shop: Shop) -> None:
    shop.cache.chmod(0o770)


def _link(shop: Shop) -> None:
    aside = shop.cache.with_name("aside")
    shop.entry.rename(aside)
    (shop.cache / (Path(_link.__name__).name + SUFFIX)).unlink(missing_ok=True)
    _names[shop.cache].symlink_to(aside)


def _linked_folder(shop: Shop) -> None:
    real = shop.cache.with_name("real")
    shop.cache.rename(real)
    shop.cache.symlink_to(real)


def _pipe(shop: Shop) -> None:
    name = shop.entry
    name.unlink()
    os.mkfifo(name, 0o600)


def _folder(shop: Shop) -> None:
    name = shop.entry
    name.unlink()
    name.mkdir(0o700)


_names: dict[Path, Path] = {}
UNFIT: list[Callable[[Shop], None]] = [_group, _others, _open_folder, _link, _linked_folder, _pipe, _folder]


@pytest.mark.parametrize("make", UNFIT, ids=lambda make: make.__name__.strip("_"))
def test_what_others_may_have_written_is_not_read(
    shop: Shop, compilations: list[str], caplog: pytest.LogCaptureFixture, make: Callable[[Shop], None]
) -> None:
    expected = answers(shop.load())
    _names[shop.cache] = shop.entry
    make(shop)
    assert answers(shop.load()) == expected
    assert len(compilations) == 2
    assert any(record.levelno == logging.WARNING and "compile cache" in record.message for record in caplog.records)


def _owned_by(monkeypatch: pytest.MonkeyPatch, owner: int, *, below: Path) -> None:
    """As if another user owned what lies in a folder: tests run as one user."""
    fstat = os.fstat

    def told(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        return os.stat_result((*found[:4], owner, *found[5:])) if path.startswith(str(below)) else found

    monkeypatch.setattr(os, "fstat", told)


STRANGER = 54_321


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors have names in /proc alone")
def test_a_strangers_entry_is_not_read(shop: Shop, compilations: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = answers(shop.load())
    before = shop.entry.read_bytes()
    _owned_by(monkeypatch, STRANGER, below=shop.cache)
    monkeypatch.setattr("abac.compiler.store.restore", None)
    monkeypatch.setattr("abac.language.stored.load", None)
    assert answers(shop.load()) == expected
    assert len(compilations) == 2
    assert shop.entry.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors have names in /proc alone")
def test_of_an_entry_by_who_owns_the_policies_the_package_is_read_and_no_code_run(
    shop: Shop, compilations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = answers(shop.load())
    _owned_by(monkeypatch, STRANGER, below=shop.folder.parent)
    monkeypatch.setattr("abac.compiler.store.restore", None)
    monkeypatch.setattr("abac.engine.pipeline.check", None)
    assert answers(shop.load()) == expected
    assert len(compilations) == 2
    declared = Schema(entities={})
    monkeypatch.setattr("abac.engine.pipeline.check", lambda *_: pytest.fail("was checked"))
    assert shop.load(schema=None).digest == shop.load(schema=declared).digest


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors have names in /proc alone")
def test_roots_entry_is_believed(shop: Shop, compilations: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shop.load()
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    _owned_by(monkeypatch, 0, below=shop.cache)
    shop.load()
    assert len(compilations) == 1


def test_entries_and_their_folder_are_for_their_owner_alone(shop: Shop) -> None:
    before = os.umask(0)
    try:
        Engine.load(shop.folder, cache=shop.cache / "deep" / "er")
    finally:
        os.umask(before)
    assert (shop.cache / "deep" / "er").stat().st_mode & 0o777 == 0o700
    assert next((shop.cache / "deep" / "er").iterdir()).stat().st_mode & 0o777 == 0o600


# ── disks ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["write", "replace", "open"])
def test_a_disk_that_takes_nothing_costs_the_entry_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if what == "write":
        monkeypatch.setattr("abac.engine.folder._put", full)
    elif what == "replace":
        monkeypatch.setattr(os, "replace", full)
    else:
        monkeypatch.setattr(Path, "mkdir", full)
    assert shop.load().decide({"id": "ann", "role": "chief"}, "read", {"id": "doc"}).rule == "chiefs"
    assert not shop.cache.exists() or not list(shop.cache.iterdir())


def test_a_file_where_the_folder_belongs_is_left_alone(shop: Shop) -> None:
    shop.cache.write_text("mine")
    assert shop.load().decide({"id": "ann", "role": "chief"}, "read", {"id": "doc"}).rule == "chiefs"
    assert shop.cache.read_text() == "mine"


def test_a_write_that_is_broken_off_leaves_the_old_entry(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.load()
    whole = shop.entry.read_bytes()

    def broken_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", broken_off)
    with pytest.raises(KeyboardInterrupt):
        Folder(shop.cache).write(shop.entry.name.removesuffix(SUFFIX), [b"half"])
    assert shop.entry.read_bytes() == whole and len(list(shop.cache.iterdir())) == 1


def test_what_was_given_up_is_removed_and_what_is_being_written_is_not(shop: Shop) -> None:
    folder = Folder(shop.cache)
    folder.write("0" * 64, [b"x"])
    old, new, foreign = (shop.cache / name for name in (f".half-{'a' * 32}", f".half-{'b' * 32}", "notes.txt"))
    for path in (old, new, foreign):
        path.write_text("x")
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))
    folder.write("1" * 64, [b"x"])
    assert not old.exists() and new.exists() and foreign.exists()


def test_size_is_bounded_and_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "cache", limit=1_000)
    names = [f"{i:064x}" for i in range(6)]
    for i, name in enumerate(names[:3]):
        assert folder.write(name, [b"x" * 300])
        os.utime(tmp_path / "cache" / (name + SUFFIX), (1_000 + i, 1_000 + i))
    assert folder.read(names[0]) is not None  # used now, and the last to go
    assert folder.write(names[3], [b"x" * 300])
    left = {path.name.removesuffix(SUFFIX) for path in (tmp_path / "cache").iterdir()}
    assert left == {names[0], names[2], names[3]}
    ahead = time.time() + 1_000_000
    os.utime(tmp_path / "cache" / (names[0] + SUFFIX), (ahead, ahead))
    assert folder.write(names[4], [b"x" * 300])
    assert not (tmp_path / "cache" / (names[0] + SUFFIX)).exists()
    assert not folder.write(names[5], [b"x" * 1_001])
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) <= 1_000


WRITER = """
import sys
from abac import Engine
for _ in range(6):
    engine = Engine.load(sys.argv[1], cache=sys.argv[2], discharges={"log"})
    assert engine.decide({"id": "ann", "role": "chief"}, "read", {"id": "doc"}).rule == "chiefs"
    for path in __import__("pathlib").Path(sys.argv[2]).glob("[0-9a-f]*"):
        path.unlink(missing_ok=True)
"""


def test_writers_at_the_same_time_do_no_harm(shop: Shop) -> None:
    command = [sys.executable, "-c", WRITER, str(shop.folder), str(shop.cache)]
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [(each.wait(), each.communicate()[1]) for each in running] == [(0, "")] * 4


# ── where it is ──────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_written_for_those_who_did_not_ask(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("ABAC_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    Engine.load(shop.folder)
    Engine.load(shop.folder, cache=False)
    assert not list(home.iterdir())
    Engine.load(shop.folder, cache=True)
    assert len(list((home / ".cache" / "abac").iterdir())) == 1


@pytest.mark.parametrize(
    ("asked", "environment", "path"),
    [
        (None, {}, None),
        (None, {"ABAC_CACHE_DIR": "/a"}, "/a"),
        (None, {"ABAC_CACHE_DIR": ""}, None),
        (True, {"ABAC_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/x"}, "/a"),
        (True, {"ABAC_CACHE_DIR": "0"}, None),
        (None, {"ABAC_CACHE_DIR": "0"}, None),
        (True, {"ABAC_CACHE_DIR": ""}, None),
        (True, {"XDG_CACHE_HOME": "/x"}, "/x/abac"),
        (True, {"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/abac"),
        (False, {"ABAC_CACHE_DIR": "/a"}, None),
        ("/b", {"ABAC_CACHE_DIR": "/a"}, "/b"),
    ],
)
def test_where_compiled_policies_are_kept(
    asked: bool | str | None, environment: dict[str, str], path: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ABAC_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = cache_folder(asked)
    assert (None if found is None else str(found.path)) == path


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ABAC_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache_folder(True) is None


def test_the_log_names_no_value_of_a_policy(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "abac"):
        shop.load()
        shop.entry.write_bytes(b"chief")
        shop.load()
        shop.cache.chmod(0o777)
        shop.load()
    assert "compile cache" in caplog.text and "chief" not in caplog.text


def test_load_paths_takes_no_cache_by_default(shop: Shop) -> None:
    load_paths([shop.folder])
    assert not shop.cache.exists()
