"""`abac decide`: one answer a line, in order, whatever the lines hold."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.runs import MEMBERS, MISTAKE, MISTAKEN_LINE, POLICY, environment, package, request, run, run_process


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("decide"))


def test_a_decision_has_exactly_the_members_in_order(papers: Path) -> None:
    ran = run("decide", papers, "--requests", "-", stdin=request(level=3, id="x"))
    (line,) = ran.lines
    assert (ran.code, list(line)) == (0, MEMBERS)
    assert line | {"digest": ""} == {
        "id": "x", "effect": "deny", "rule": "high", "code": "high", "reason": "memo is for chiefs.", "citations": ["Rule 2", "Rule 3"],
        "obligations": [{"id": "log", "arguments": {"who": "ann"}}], "advice": [{"id": "ask_chief", "arguments": {}}],
        "unknown": [], "valid_until": None, "digest": "",
    }  # fmt: skip
    assert line["digest"].startswith("sha256:")


def test_answers_stand_in_the_order_of_the_requests_and_denies_are_good(papers: Path) -> None:
    stdin = "\n".join([request(1), request(2, level=5), request(3, action="burn"), request(4, role="chief", level=9)])
    ran = run("decide", papers, "--requests", "-", stdin=stdin)
    assert ran.code == 0
    assert [(line["id"], line["effect"]) for line in ran.lines] == [(1, "permit"), (2, "deny"), (3, "indeterminate"), (4, "permit")]


def test_a_line_that_is_no_request_is_an_error_and_the_rest_is_decided(papers: Path) -> None:
    ran = run("decide", papers, "--requests", "-", stdin=request(1) + "\n\nnonsense\n[]\n" + request(2))
    assert ran.code == 1
    assert [line.get("effect") for line in ran.lines] == ["permit", None, None, "permit"]
    assert ran.lines[1] == {"id": None, "line": 4, "error": "the line is not JSON: expecting value at offset 0"}
    assert list(ran.lines[2]) == ["id", "line", "error"]


@pytest.mark.parametrize("id", [None, 7, True, "", "a\nb", Decimal("1.50")])
def test_an_id_comes_back_as_it_was(papers: Path, id: object) -> None:
    text = request("ID").replace('"ID"', str(id) if isinstance(id, Decimal) else json.dumps(id), 1)
    ran = run("decide", papers, "--requests", "-", stdin=text)
    back = json.loads(ran.out, parse_float=Decimal)["id"]
    assert (back, type(back)) == (id, type(id))


def test_members_that_a_request_does_not_know_are_ignored(papers: Path) -> None:
    parts = json.loads(request()) | {"expected": {"effect": "deny"}, "error": "x", "effect": "permit"}
    with_them, without = (run("decide", papers, "--requests", "-", stdin=each).out for each in (json.dumps(parts), request()))
    assert with_them == without


def test_requests_come_from_a_file_as_from_standard_input(papers: Path, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text(request() * 2, "utf-8")
    assert run("decide", papers, "--requests", file).out == run("decide", papers, "--requests", "-", stdin=request() * 2).out


def test_no_requests_are_no_answers(papers: Path) -> None:
    for format in ("text", "json"):
        ran = run("decide", papers, "--requests", "-", "--format", format)
        assert (ran.code, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("now", ["yesterday", "2026-01-01T00:00:00", "2026-01-01", "", "2026-13-01T00:00:00Z"])
def test_a_clock_that_is_no_instant_ends_with_two(papers: Path, now: str) -> None:
    ran = run("decide", papers, "--requests", "-", "--now", now, stdin=request())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: --now: `{now}` is no instant")


def test_the_requests_clock_is_believed_unless_another_is_given(tmp_path: Path) -> None:
    timed = package(tmp_path, POLICY.replace("  oblige log", "  effective from 2026-01-01T00:00:00Z\n  oblige log"))
    late, early = request(at="2026-07-15T12:00:00Z"), request(at="2025-07-15T12:00:00Z")
    own = run("decide", timed, "--requests", "-", stdin=late + early)
    assert [line["effect"] for line in own.lines] == ["permit", "not-applicable"]
    given = run("decide", timed, "--requests", "-", "--now", "2025-12-31T23:00:00Z", stdin=late + early)
    assert [(line["effect"], line["valid_until"]) for line in given.lines] == [("not-applicable", "2026-01-01T00:00:00Z")] * 2


def test_policies_with_errors_end_with_two_and_decide_nothing(tmp_path: Path) -> None:
    broken = package(tmp_path, MISTAKE)
    ran = run("decide", broken, "--requests", "-", stdin=request())
    assert (ran.code, ran.out) == (2, "")
    assert f"desk.abac:{MISTAKEN_LINE}:43" in ran.err
    assert ran.err.endswith(f"error: {broken} cannot be used: 1 problem in the policy\n")


def test_what_cannot_be_read_ends_with_two(papers: Path, tmp_path: Path) -> None:
    unreadable: list[tuple[Path, str | Path, str]] = [
        (tmp_path / "nothing", "-", "no such file or folder"),
        (papers, tmp_path / "nothing", "no such file or directory"),
        (papers, tmp_path, "is a directory"),
    ]
    for path, requests, message in unreadable:
        ran = run("decide", path, "--requests", requests)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: ") and ran.err.endswith(f"{message}\n")


def test_the_table_has_what_there_is_room_for(papers: Path) -> None:
    stdin = request("R1", level=5) + "nonsense\n"
    wide = run("decide", papers, "--requests", "-", "--format", "text", stdin=stdin)
    assert wide.code == 1
    for text in ("R1", "ann read memo", "deny", "high", "memo is for chiefs.", "Rule 2; Rule 3", "line 2: the line is not JSON"):
        assert text in wide.out
    narrow = run("decide", papers, "--requests", "-", "--format", "text", stdin=stdin, env={"COLUMNS": "60"})
    assert max(map(len, narrow.out.splitlines())) <= 60
    assert "Rule 2" not in narrow.out and "memo is for chiefs." in narrow.out


def test_the_table_shows_no_control_characters_or_markup_of_strangers(papers: Path) -> None:
    ran = run("decide", papers, "--requests", "-", "--format", "text", stdin=request("\x1b[31m[red]x"))
    assert "\x1b" not in ran.out
    assert "\\u{1b}[31m[red]x" in ran.out


def test_colours_of_the_table_follow_the_option(papers: Path) -> None:
    arguments = ("decide", papers, "--requests", "-", "--format", "text", "--color")
    assert "\x1b[32mpermit" in run(*arguments, "always", stdin=request()).out
    assert "\x1b" not in run(*arguments, "never", stdin=request()).out


# ── as a process ─────────────────────────────────────────────────────────────────────────────────────────


def test_exit_codes_and_output_are_those_of_a_process_too(papers: Path) -> None:
    good = run_process("decide", papers, "--requests", "-", stdin=request(reach="☂").encode())
    bad = run_process("decide", papers, "--requests", "-", stdin=b"\xff\n" + request().encode(), env={"PYTHONIOENCODING": "ascii"})
    assert (good.code, bad.code, good.err, bad.err) == (0, 1, "", "")
    assert [line.get("effect") for line in bad.lines] == [None, "permit"]


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs POSIX pipes")
def test_whoever_stops_reading_ends_it_quietly(papers: Path, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text(request() * 2000, "utf-8")
    command = [sys.executable, "-m", "abac", "decide", str(papers), "--requests", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None and process.stderr is not None
        assert json.loads(process.stdout.readline())["effect"] == "permit"
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=30) == -signal.SIGPIPE
    assert errors == b""


def test_each_answer_is_there_before_the_next_request_and_an_interrupt_ends_it_quietly(papers: Path) -> None:
    command = [sys.executable, "-m", "abac", "decide", str(papers), "--requests", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment()) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        for id in (1, 2):
            process.stdin.write(request(id).encode())
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0]
            assert json.loads(process.stdout.readline())["id"] == id
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert b"Traceback" not in process.stderr.read()


def test_closed_standard_streams_are_no_accident(papers: Path) -> None:
    command = f'"{sys.executable}" -m abac decide "{papers}" --requests - '
    for redirected in ("<&-", "</dev/null >&- 2>&-"):
        done = subprocess.run(["sh", "-c", command + redirected], capture_output=True, check=False, env=environment())
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_long_run_shows_its_progress_on_a_terminal_and_only_there(papers: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    file = tmp_path / "requests.jsonl"
    file.write_text(request() * 50, "utf-8")
    arguments = ["abac", "decide", str(papers), "--requests", str(file)]
    program = f"import sys, abac.cli.output as o; o._PATIENCE = 0; sys.argv = {arguments}; from abac.cli.main import main; main()"
    command = [sys.executable, "-c", program]
    master, terminal = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment({"TERM": "xterm"})) as process:
        os.close(terminal)
        assert process.stdout is not None
        answers = process.stdout.read()
    shown = b""
    try:
        while more := os.read(master, 65536):
            shown += more
    except OSError:  # the end, where the other side is gone
        pass
    os.close(master)
    assert b"requests" in shown
    assert len(answers.splitlines()) == 50 and b"\x1b" not in answers
    piped = subprocess.run(command, capture_output=True, check=True, env=environment())
    assert (piped.stderr, piped.stdout) == (b"", answers)
