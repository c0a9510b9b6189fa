"""The compile cache: what is in it is used only if all it was made of is as it was and nobody else can have written it; whatever is wrong
with it, policies are compiled anew and decide the same."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import abac.engine.store as engine_store
from abac import Engine, PolicyErrors
from abac.compiler import Compiled
from abac.engine.folder import SUFFIX
from abac.engine.pipeline import check_paths
from abac.language import stored
from abac.model.schema import Schema
from tests.engine.shop import Shop, answers

ROOT = Path(__file__).parents[2]


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


def test_a_load_from_the_cache_reads_the_package_when_somebody_wants_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.load()
    read: list[str] = []
    load = stored.load
    monkeypatch.setattr("abac.compiler.store.load", lambda data: (read.append("package"), load(data))[1])
    engine = shop.load(discharges={"log"})
    chief = {"id": "ann", "role": "chief"}
    decision = engine.decide(chief, "read", {"id": "doc"})
    assert decision.effect == "permit" and engine.permits(chief, "read", {"id": "doc"}) and engine.schema and not engine.undischarged
    assert read == []
    assert decision.reason == "ann may read doc." and decision.obligations[0].id == "log"
    engine.explain(chief, "read", {"id": "doc"})
    engine.decide({"id": "ann"}, "read", {"id": "doc"})
    assert read == ["package"]


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
