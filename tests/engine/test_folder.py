"""The folder of compiled policies: whatever a disk does costs an entry at most; its size is bounded; it is where it was asked for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from abac import Engine
from abac.engine.folder import SUFFIX, Folder, cache_folder
from abac.engine.pipeline import load_paths
from tests.engine.shop import Shop

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


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
