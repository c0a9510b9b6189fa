"""Tests: counts of instructions are compared with those on record, which rise in commits of their own alone. Figures here are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benches.instructions import __main__ as command
from benches.instructions import baseline, history
from benches.instructions.baseline import Baseline, Malformed, compare, here, libraries, read, renewed
from benches.instructions.callgrind import ROOT, CannotCount, read_dumps, valgrind
from benches.instructions.client import Callgrind
from benches.instructions.inputs import SOURCES
from benches.instructions.ratios import RATIOS, beyond

RECORD = Baseline(here(), libraries(), "", {"a": 1_000, "b": 2_000})


def told(counted: Mapping[str, int], record: Baseline = RECORD) -> list[tuple[bool, str]]:
    return [(finding.fails, finding.text) for finding in compare(record, counted, here(), libraries())]


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [950, 1_000, 1_050])
def test_what_is_within_five_per_cent_is_as_on_record(count: int) -> None:
    assert told({"a": count, "b": 2_000}) == []


def test_growth_beyond_five_per_cent_fails() -> None:
    assert told({"a": 1_051, "b": 2_000}) == [(True, "a: 1,051 instructions, 1,000 on record: +5.1%, and at most +5% is allowed")]


def test_a_count_that_fell_asks_to_be_recorded_and_fails_nothing() -> None:
    assert told({"a": 940, "b": 2_000}) == [
        (False, "a: 940 instructions, 1,000 on record: -6.0%: `make count-baseline` records the lower count")
    ]


def test_a_count_that_is_not_on_record_fails_and_so_does_one_that_is_no_longer_counted() -> None:
    assert told({"a": 1_000, "c": 3}) == [
        (True, "c: 3 instructions, and none on record: `make count-baseline` records them"),
        (True, "b: on record, and no longer counted: `make count-baseline` takes it off the record"),
    ]


@pytest.mark.parametrize("name", here())
def test_counts_from_elsewhere_are_not_compared_and_that_is_said(name: str) -> None:
    record = replace(RECORD, where={**here(), name: "another"})
    [(fails, text)] = told({"a": 9_000_000}, record)
    assert not fails and text.startswith("nothing is compared") and f"another on record, {here()[name]} here" in text


def test_libraries_that_changed_are_told_where_a_count_grew_and_only_there() -> None:
    record = replace(RECORD, libraries={**libraries(), "orjson": "0.1"})
    assert told({"a": 1_000, "b": 2_000}, record) == []
    assert told({"a": 2_000, "b": 2_000}, record)[-1] == (
        False,
        f"since the record these libraries changed: orjson 0.1 → {libraries()['orjson']}",
    )


@pytest.mark.parametrize("pair", RATIOS)
def test_a_ratio_is_kept_up_to_its_margin(pair: tuple[str, str]) -> None:
    name, against = pair
    assert list(beyond({name: round(1_000 * RATIOS[pair]), against: 1_000})) == []
    assert [finding.fails for finding in beyond({name: round(1_000 * RATIOS[pair]) + 1, against: 1_000})] == [True]
    assert list(beyond({name: 10**9})) == []


def test_every_ratio_is_of_counts_on_record() -> None:
    recorded = read(command.RECORD.read_text("utf-8")).instructions
    assert {name for pair in RATIOS for name in pair} <= set(recorded)
    assert {name.split(":")[0] for name in recorded} == set(SOURCES)
    assert list(beyond(recorded)) == []


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_is_read_as_it_was_written() -> None:
    assert read(RECORD.as_json()) == RECORD


@pytest.mark.parametrize(
    "change, complaint",
    [
        ("{", "is no JSON"),
        ([], "expected an object with where, libraries, reason, instructions"),
        ({"more": 1}, "expected an object with"),
        ({"where": "here"}, "`where`: expected an object"),
        ({"where": {"python": 3}}, "`where`: expected texts"),
        ({"reason": None}, "`reason`: expected text"),
        ({"instructions": {"a": "many"}}, '`a`: expected a count of instructions, found "many"'),
        ({"instructions": {"a": 0}}, "`a`: expected a count of instructions, found 0"),
        ({"instructions": {"a": True}}, "`a`: expected a count of instructions, found true"),
    ],
)
def test_a_malformed_record_is_refused_with_what_is_wrong(change: Any, complaint: str) -> None:
    whole = json.loads(RECORD.as_json())
    text = change if isinstance(change, str) else json.dumps({**whole, **change} if isinstance(change, dict) else change)
    with pytest.raises(Malformed) as raised:
        read(text)
    assert str(raised.value).startswith(complaint)


def test_a_rise_is_recorded_with_a_reason_only() -> None:
    with pytest.raises(Malformed, match=r"a: 1,000 → 1,100"):
        renewed(RECORD, {"a": 1_100, "b": 2_000}, " ")
    assert renewed(RECORD, {"a": 1_100, "b": 2_000}, "checks more") == replace(
        RECORD, reason="checks more", instructions={"a": 1_100, "b": 2_000}
    )


def test_a_fall_is_recorded_without_one_and_the_last_reason_stays() -> None:
    record = replace(RECORD, reason="was so")
    assert renewed(record, {"a": 900, "b": 2_000, "c": 1}, "") == replace(record, instructions={"a": 900, "b": 2_000, "c": 1})
    assert renewed(None, {"a": 900}, "") == replace(RECORD, instructions={"a": 900})


def test_noise_is_not_recorded() -> None:
    assert renewed(RECORD, {"a": 1_009, "b": 1_981}, "") == RECORD


def test_on_another_interpreter_the_same_count_is_recorded_as_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "here", lambda: {"python": "another"})
    assert renewed(RECORD, {"a": 1_001, "b": 2_000}, "another Python").instructions["a"] == 1_001


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of its own, and counts that are as on record."""
    file = tmp_path / "baseline.json"
    file.write_text(RECORD.as_json(), "utf-8")
    monkeypatch.setattr(command, "RECORD", file)
    monkeypatch.setattr(command, "unsuitable", lambda: None)
    monkeypatch.setattr(command, "count", lambda names, tell: dict(RECORD.instructions))
    return file


def test_the_gate_opens_and_closes(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.main([]) == 0
    monkeypatch.setattr(command, "count", lambda names, tell: {"a": 1_500, "b": 2_000})
    assert command.main([]) == 1
    assert command.main(["--record"]) == 2 and read(recorded.read_text("utf-8")) == RECORD
    assert command.main(["--record", "--reason", "checks more"]) == 0
    assert command.main([]) == 0


def test_of_some_names_only_these_are_compared(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "count", lambda names, tell: {"a": 1_000})
    assert command.main(["saas"]) == 0
    assert command.main([]) == 1


def test_without_a_record_or_with_a_broken_one_the_gate_is_closed(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.write_text("[]", "utf-8")
    assert command.main([]) == 2
    assert "baseline.json: expected an object" in capsys.readouterr().err
    recorded.unlink()
    assert command.main([]) == 1


def test_where_nothing_can_be_counted_that_is_said(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "unsuitable", lambda: "this is a toaster")
    assert command.main([]) == 0
    assert capsys.readouterr().out == "nothing is counted: this is a toaster\n"


def test_without_valgrind_the_gate_is_closed(recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotCount):
        valgrind()
    monkeypatch.setattr(command, "count", lambda names, tell: valgrind())
    assert command.main([]) == 2
    assert "apt-get install valgrind" in capsys.readouterr().err


def test_of_two_dumps_the_lesser_counts() -> None:
    dump = "desc: Trigger: Client Request: {}\nfn=x\n1 2\ntotals: {}\n"
    end = "desc: Trigger: Program termination\ntotals: 7\n"
    assert read_dumps([dump.format("permits, 10", 31), dump.format("permits, 10", 30), dump.format("load", 9), end]) == {
        "permits, 10": 30,
        "load": 9,
    }


@pytest.mark.skipif(command.unsuitable() is not None, reason="requests to valgrind are for Linux on x86-64")
def test_outside_valgrind_requests_do_nothing() -> None:
    callgrind = Callgrind()
    callgrind.start(), callgrind.zero(), callgrind.write("x")
    assert not callgrind.is_there


# ── the history of the record ────────────────────────────────────────────────────────────────────────────────────────


class Clone:
    """A repository with a record, and commits made up."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.git = folder, history.git_in(folder)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "n")
        self.git("config", "user.email", "e")

    def commit(self, count: int, reason: str = "", **files: str) -> str:
        (self.folder / "record").write_text(replace(RECORD, reason=reason, instructions={"a": count}).as_json(), "utf-8")
        for name, text in files.items():
            (self.folder / name).write_text(text, "utf-8")
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "m")
        return self.git("rev-parse", "HEAD")[:12]

    @property
    def complaints(self) -> list[str]:
        return list(history.complaints(self.git, "record"))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    try:
        return Clone(tmp_path)
    except OSError:
        pytest.skip("needs git")


def test_a_rise_in_a_commit_of_its_own_with_a_reason_is_right_and_a_fall_may_come_with_its_cause(clone: Clone) -> None:
    clone.commit(1_000, code="x")
    clone.commit(900, code="faster")
    clone.commit(1_100, "checks more")
    clone.commit(1_200, "checks more still")
    assert clone.complaints == []


def test_a_rise_with_other_changes_is_told(clone: Clone) -> None:
    clone.commit(1_000)
    commit = clone.commit(1_100, "checks more", code="slower")
    assert clone.complaints == [f"{commit} raises a and touches 1 more (code…): counts rise in a commit of their own"]


def test_a_rise_without_a_reason_of_its_own_is_told(clone: Clone) -> None:
    clone.commit(1_000)
    first = clone.commit(1_100)
    clone.commit(1_200, "checks more")
    last = clone.commit(1_300, "checks more")
    assert clone.complaints == [f"{commit} raises a and gives no reason of its own" for commit in (last, first)]


def test_a_merge_takes_a_rise_from_either_side_and_makes_none(clone: Clone) -> None:
    clone.commit(1_000)
    clone.git("checkout", "-q", "-b", "side")
    clone.commit(1_000, code="x")
    clone.git("checkout", "-q", "main")
    clone.commit(1_100, "checks more")
    clone.git("merge", "-q", "--no-edit", "side")
    assert clone.complaints == []
    clone.git("checkout", "-q", "side")
    clone.commit(1_000, other="x")
    clone.git("merge", "-q", "--no-commit", "main")
    commit = clone.commit(1_500, "by the way")
    assert clone.complaints == [f"{commit} raises a above those of all that it merges: counts rise in a commit of their own"]


def test_where_there_is_no_history_that_is_said(tmp_path: Path, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.commit(1_000)
    clone.commit(1_100, "checks more")
    assert history.unreadable(clone.git) is None
    shallow = tmp_path / "shallow"
    clone.git("clone", "-q", "--depth", "1", clone.folder.as_uri(), str(shallow))
    assert history.unreadable(history.git_in(shallow)) == "the clone is shallow"
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "bare").mkdir()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "bare"))
    assert history.unreadable(history.git_in(tmp_path)) == "this is no clone of the repository"
    monkeypatch.setenv("PATH", "/nowhere")
    assert history.unreadable(history.git_in(tmp_path)) == "git is not installed"


def test_counts_on_record_rose_in_commits_of_their_own() -> None:
    git = history.git_in(ROOT)
    why = history.unreadable(git)
    if why is not None:
        pytest.skip(why)
    assert list(history.complaints(git)) == []
