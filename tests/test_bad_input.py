"""Bad input from end to end: authors get an error with its place, bad lines get an `error`, the rest still runs; nothing runs as code."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abac import Engine
from abac.model.errors import LoadError, PolicyErrors
from abac.model.limits import MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_PATTERN
from tests.cli.runs import POLICY, Ran, environment, package, request, run

SECONDS = 5.0  # of the processor that a bad input may take at most; each takes far less


def checked(folder: Path) -> Ran:
    """What `abac check` says; every exception but an exit fails the test."""
    begin = time.process_time()
    ran = run("check", folder)
    assert time.process_time() - begin < SECONDS
    assert "Traceback" not in ran.out + ran.err
    return ran


def with_rule(condition: str) -> str:
    return POLICY.replace("resource.level < 3", condition)


# ── policies that cannot be read ─────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that opens and cannot be read")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    folder = package(tmp_path)
    (folder / "lost.abac").symlink_to("/proc/self/mem")
    ran = checked(folder)
    assert (ran.code, ran.out) == (2, "")
    assert f"{folder}/lost.abac" in ran.err


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = package(tmp_path)
    for content in (POLICY.replace("desk", "dösk").encode("latin-1"), POLICY.encode("utf-16")):
        (folder / "desk.abac").write_bytes(content)
        ran = checked(folder)
        line = content[: content.index(0xFF if content[0] == 0xFF else 0xF6)].count(b"\n") + 1
        assert ran.code == 2
        assert f"{folder}/desk.abac:{line}: not UTF-8: byte 0x" in ran.err


@pytest.mark.parametrize("size", [33 * 2**20, 100 * 2**20])
@pytest.mark.parametrize("command", ["check", "fmt", "decide"])
def test_a_source_beyond_the_limit_is_refused_at_once_and_never_read_whole(tmp_path: Path, size: int, command: str) -> None:
    folder = package(tmp_path)
    with (folder / "huge.abac").open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    begin = time.process_time()
    ran = run(command, folder, *(["--requests", "-"] if command == "decide" else []))
    seconds, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ran.code == 2
    assert ran.err.startswith(f"error: {folder}/huge.abac: larger than {MAX_FILE_BYTES} bytes")
    assert seconds < SECONDS
    assert peak < 3 * MAX_FILE_BYTES


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_no_policy_and_nobody_waits_for_it(tmp_path: Path) -> None:
    folder = package(tmp_path)
    os.mkfifo(folder / "pipe.abac")
    assert checked(folder).code == 0
    assert checked(folder / "pipe.abac").code == 2


@pytest.mark.parametrize("clause", ["import other", "import papers.inner"])
def test_a_package_that_imports_itself_through_another_is_refused(tmp_path: Path, clause: str) -> None:
    name = clause.split()[1]
    folder = package(tmp_path, POLICY.replace("package papers\n", f"package papers\n{clause}\n"))
    other = tmp_path.joinpath(*name.split("."))
    other.mkdir()
    (other / "o.abac").write_text(f"package {name}\nimport papers\n", "utf-8")
    ran = checked(folder)
    assert ran.code == 1
    assert "error[cyclic-import]" in ran.out and f"--> {other}/o.abac:2:1" in ran.out


def test_an_import_that_leaves_the_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "o.abac").write_text("package away\ndefine secret = true\n", "utf-8")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "away").symlink_to(tmp_path / "outside")
    folder = package(tmp_path / "root", POLICY.replace("package papers\n", "package papers\nimport away\n"))
    ran = checked(folder)
    assert ran.code == 1
    assert "error[outside-root]" in ran.out and "desk.abac:2:1" in ran.out


@pytest.mark.parametrize("file", ["../../secret.csv", "/etc/passwd", "link.csv", "..", "", "a\\u{0}b"])
def test_a_data_file_outside_of_the_root_is_never_read(tmp_path: Path, file: str) -> None:
    (tmp_path / "secret.csv").write_text("k,v\nswordfish,1\n", "utf-8")
    (tmp_path / "root").mkdir()
    data = f'record Row {{ k: String, v: Int }}\ndata rows: Row = table "{file}" key k\n'
    folder = package(tmp_path / "root", POLICY.replace("record", "record") + data)
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    ran = checked(folder)
    assert ran.code in (1, 2)
    assert "swordfish" not in ran.out + ran.err


# ── policies that cannot be understood ───────────────────────────────────────────────────────────────────

DEEP = 30_000
SOURCES: dict[str, str] = {
    "brackets": with_rule("(" * DEEP + "true" + ")" * DEEP),
    "unclosed brackets": with_rule("(" * DEEP),
    "not": with_rule("not " * DEEP + "true"),
    "lists": with_rule("[" * DEEP + "1" + "]" * DEEP + " is empty"),
    "if": with_rule("if true then true else " * 2_000 + "true"),
    "quantifiers": with_rule("(" + "some x in [1]: (" * 5_000 + "true" + ")" * 5_000 + ")"),
    "policies": POLICY + "policy p: first-applicable { " * 5_000,
    "types": POLICY + "record R { a: " + "List<" * DEEP + "Int" + ">" * DEEP + " }",
    "bidi override": POLICY.replace("Rule 1", "Rule \u202e1"),
    "invisible letter": POLICY.replace("permit low", "permit lo\u200bw"),
    "zero byte": POLICY.replace("permit low", "permit\0low"),
    "not composed": POLICY.replace("Rule 1", "Ru\u0308le 1"),
    "lone surrogate": POLICY.replace("Rule 1", "\\u{d800}"),
    "byte order mark inside": POLICY.replace("permit low", "permit \ufefflow"),
    "integer": with_rule(f"resource.level < {10**30}"),
    "endless integer": with_rule("resource.level < " + "9" * DEEP),
    "decimal": with_rule("resource.level < 0." + "1" * 50),
    "duration": with_rule(f"context.at within last {10**15} days"),
    "instant": with_rule("context.at < 2026-02-30T00:00:00Z"),
    "year": with_rule("context.at < 99999-01-01T00:00:00Z"),
    "network": with_rule('"10.0.0.0/99" == 1'),
    "repetition": with_rule('resource.id matches "((a{1000}){1000}){1000}"'),
    "back reference": with_rule('resource.id matches "(a)\\\\1"'),
    "look ahead": with_rule('resource.id matches "(?=a)a"'),
    "unclosed group": with_rule('resource.id matches "("'),
    "long pattern": with_rule(f'resource.id like "{"*a" * MAX_PATTERN}"'),
    "recursion": POLICY + "define even(n: Int) = odd(n)\ndefine odd(n: Int) = even(n)\n",
    "attribute of Python": with_rule("resource.__class__ == 1"),
    "template attribute": POLICY.replace("{resource.id} is", "{resource.__class__} is"),
    "template index": POLICY.replace("{resource.id} is", "{0.__class__} is"),
    "template conversion": POLICY.replace("{resource.id} is", "{resource.id!r:>10} is"),
    "function of Python": with_rule('__import__("os").system("true") == 0'),
    "lambda": with_rule("(lambda: true)()"),
}


@pytest.mark.parametrize("text", SOURCES.values(), ids=SOURCES)
def test_a_policy_that_cannot_be_understood_gets_an_error_with_its_place(tmp_path: Path, text: str) -> None:
    folder = package(tmp_path, text)
    ran = checked(folder)
    assert ran.code == 1
    assert f"--> {folder}/desk.abac:" in ran.out
    assert "error[" in ran.out
    assert len(ran.out) < 5_000
    decided = run("decide", folder, "--requests", "-", stdin=request())
    assert (decided.code, decided.out) == (2, "")


@pytest.mark.parametrize("name", ["integer", "bidi override", "invisible letter", "template attribute", "template index", "repetition"])
def test_the_error_stands_at_the_line_of_the_mistake(tmp_path: Path, name: str) -> None:
    text = SOURCES[name]
    line = next(n for n, (bad, good) in enumerate(zip(text.split("\n"), POLICY.split("\n"), strict=True), 1) if bad != good)
    assert f"desk.abac:{line}:" in checked(package(tmp_path, text)).out


def test_a_hundred_thousand_definitions_that_double_are_refused(tmp_path: Path) -> None:
    doubling = "".join(f"define d{n}(x: Int) = d{n - 1}(x) and d{n - 1}(x)\n" for n in range(1, 60))
    ran = checked(package(tmp_path, with_rule("d59(resource.level)") + "define d0(x: Int) = x > 1\n" + doubling))
    assert ran.code == 1


@pytest.mark.parametrize(
    "pattern",
    ['matches "(a+)+"', 'matches "(a|aa)+"', 'matches "(.*a){20}"', f'like "{"*a" * 400}"', 'like "*a*a*a*a*b"'],
)
def test_a_pattern_takes_bounded_time(pattern: str) -> None:
    engine = Engine.from_text(with_rule(f"resource.id {pattern}"), trust_request_clock=True)
    parts = json.loads(request())
    parts["resource"]["id"] = "a" * 100_000 + "c"
    begin = time.process_time()
    decision = engine.decide(parts["subject"], "read", parts["resource"], parts["context"])
    assert time.process_time() - begin < SECONDS
    assert not decision.permitted


# ── lines that are no requests ───────────────────────────────────────────────────────────────────────────

GOOD = request("good").encode()
LINES: dict[str, bytes] = {
    "not JSON": b"subject: ann",
    "cut off": GOOD[:-20],
    "two values": GOOD.strip() * 2,
    "array": b"[" + GOOD.strip() + b"]",
    "number": b"1",
    "string": b'"read"',
    "null": b"null",
    "duplicate member": GOOD.strip().replace(b'"id": "good"', b'"id": "good", "action": "write"', 1),
    "duplicate member inside": GOOD.strip().replace(b'"role": "clerk"', b'"role": "clerk", "role": "chief"'),
    "duplicate member by escape": GOOD.strip().replace(b'"role": "clerk"', b'"role": "clerk", "r\\u006fle": "chief"'),
    "NaN": GOOD.strip().replace(b"4242", b"NaN"),
    "Infinity": GOOD.strip().replace(b"4242", b"-Infinity"),
    "integer beyond range": GOOD.strip().replace(b"4242", b"1" + b"0" * 30),
    "endless integer": GOOD.strip().replace(b"4242", b"9" * 1_000_000),
    "decimal beyond range": GOOD.strip().replace(b"4242", b"1e999999999"),
    "lone surrogate": GOOD.strip().replace(b"clerk", b"\\ud800"),
    "lone surrogate in a name": GOOD.strip().replace(b'"pay"', b'"\\udfff"'),
    "surrogate in UTF-8": GOOD.strip().replace(b"clerk", b"\xed\xa0\x80"),
    "invalid UTF-8": GOOD.strip().replace(b"clerk", b"\xff\xfe"),
    "overlong UTF-8": GOOD.strip().replace(b"clerk", b"\xc0\xaf"),
    "UTF-16": request("good").strip().encode("utf-16-le").replace(b"\n", b""),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.strip(),
    "NUL bytes": b"\0" * 100,
    "NUL in a string": GOOD.strip().replace(b"clerk", b"cl\0erk"),
    "deep": b"[" * 100_000,
    "deep and closed": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "comment": b"// " + GOOD.strip(),
    "hexadecimal": GOOD.strip().replace(b"4242", b"0x10"),
    "Python": GOOD.strip().replace(b"4242", b"None"),
}


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_is_no_request_gets_an_error_and_the_rest_still_runs(papers: Path, line: bytes) -> None:
    assert b"\n" not in line
    begin = time.process_time()
    ran = run("decide", papers, "--requests", "-", stdin=GOOD + line + b"\n" + GOOD)
    assert time.process_time() - begin < SECONDS
    first, bad, last = ran.lines
    assert ran.code == 1
    assert (first, first["effect"]) == (last, "permit")
    assert (list(bad), bad["line"]) == (["id", "line", "error"], 2)
    assert len(bad["error"]) < 200 and "Error" not in bad["error"]


def test_a_line_beyond_the_limit_gets_an_error_and_the_rest_still_runs(papers: Path, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    with file.open("wb") as out:
        out.write(GOOD)
        out.seek(MAX_LINE_BYTES * 2, os.SEEK_CUR)  # a line of zero bytes
        out.write(b"\n" + GOOD)
    ran = run("decide", papers, "--requests", file)
    assert [line.get("effect") for line in ran.lines] == ["permit", None, "permit"]
    assert ran.lines[1]["error"] == f"the line is longer than {MAX_LINE_BYTES} bytes"


def test_binary_garbage_is_answered_line_by_line(papers: Path) -> None:
    garbage = bytes(range(256)) * 40
    ran = run("decide", papers, "--requests", "-", stdin=garbage)
    assert ran.code == 1
    assert len(ran.lines) == len([line for line in garbage.split(b"\n") if line.strip()])
    assert all("error" in line for line in ran.lines)


# ── nothing of a request or policy runs ──────────────────────────────────────────────────────────────────

CODE = [
    "__import__('os').abort()",
    "');import os;os.abort()#",
    "{0.__class__.__mro__}",
    "{resource.id}",
    "%s%n%(x)s",
    "${jndi:ldap://x}",
    "__class__",
    "None",
    "lambda: 1",
    "\\u{202e}",
    "'; drop table x; --",
    '"""',
    "\x1b[2J",
    "\r\nHTTP/1.1 200 OK",
]


@pytest.mark.parametrize("text", CODE)
def test_code_in_a_request_is_text(papers: Path, text: str) -> None:
    engine = Engine.load(papers, trust_request_clock=True)
    parts: dict[str, Any] = json.loads(request(text, level=9))
    parts["subject"]["id"] = text
    parts["resource"]["id"] = text
    parts["subject"][text] = parts["context"][text] = text
    decision = engine.decide(parts["subject"], "read", parts["resource"], parts["context"])
    shown = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)
    assert (str(decision.effect), decision.reason) == ("deny", f"{shown} is for chiefs.")
    assert decision.obligations[0].arguments == {"who": text}
    assert engine.decide(parts["subject"], text, parts["resource"], parts["context"]).code == "invalid_request"
    assert engine.decide({**parts["subject"], "role": text}, "read", parts["resource"], parts["context"]).effect != "permit"
    (line,) = run("decide", papers, "--requests", "-", stdin=json.dumps(parts)).lines
    assert (line["id"], line["effect"]) == (text, "deny")


NAMES = ["__class__", "__import__", "__dict__", "class", "lambda", "None", "self", "import_", "exec", "f0", "a0", "subject_"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_python_is_an_ordinary_name(name: str) -> None:
    text = f"""package p
entity E key id {{ id: String, {name}: Int }}
context {{ {name}: Int }}
action {name}: E -> E
define {name}(x: E) = x.{name} == 7
policy {name}_: deny-unless-permit {{ permit {name} when {name}(subject) and context.{name} == 7 code {name} because "{{subject.{name}}}" }}
"""
    engine = Engine.from_text(text)
    yes, no = ({"id": "e", name: value} for value in (7, 8))
    permitted = engine.decide(yes, name, yes, {name: 7})
    assert (permitted.permitted, permitted.rule, permitted.code, permitted.reason) == (True, name, name, "7")
    assert not engine.decide(no, name, no, {name: 7}).permitted
    assert not engine.decide({"id": "e"}, name, {"id": "e"}, {}).permitted


@pytest.mark.parametrize("text", [each for each in CODE if each.isprintable() and "\\" not in each and "{" not in each and '"' not in each])
def test_code_in_the_strings_of_a_policy_is_text(text: str) -> None:
    source = POLICY.replace("Chiefs may", text).replace("Rule 1", text).replace('"Papers on the desk"', f'"{text}"')
    engine = Engine.from_text(source, trust_request_clock=True)
    parts = json.loads(request(role="chief"))
    decision = engine.decide(parts["subject"], "read", parts["resource"], parts["context"])
    assert (decision.reason, decision.citations) == (f"{text} read memo.", (text,))


PROGRAM = """
import json, sys
from abac import Engine
engine = Engine.load(sys.argv[1], trust_request_clock=True)
parts, texts = json.loads(sys.argv[2]), json.loads(sys.argv[3])
def ask(subject, action, resource, context):
    engine.decide(subject, action, resource, context), engine.permits(subject, action, resource, context)
    str(engine.explain(subject, action, resource, context))
ask(*(parts[name] for name in ("subject", "action", "resource", "context")))    # whatever is loaded on first use
seen = []
sys.addaudithook(lambda event, arguments: seen.append((event, str(arguments)[:80])) if seen is not None else None)
for text in texts:
    for name in ("id", "role", "pay", text):
        ask({**parts["subject"], name: text}, parts["action"], parts["resource"], parts["context"])
    ask(parts["subject"], text, parts["resource"], {text: text})
found, seen = [each for each in seen if each[0] != "object.__getattr__"], None
print(found)
"""


def test_a_decision_compiles_imports_opens_and_starts_nothing(papers: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(papers), request(), json.dumps(CODE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


# ── what is logged ───────────────────────────────────────────────────────────────────────────────────────


def test_the_log_never_holds_a_value_of_a_request(papers: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = "swordfish"
    caplog.set_level(logging.DEBUG)
    engine = Engine.load(papers, trust_request_clock=True)
    parts = json.loads(request())
    subject = {**parts["subject"], "id": secret, secret: secret}
    asked: list[Callable[..., object]] = [engine.decide, engine.permits, engine.explain]
    for ask in asked:
        ask(subject, "read", parts["resource"], parts["context"])
        ask({**subject, "role": secret, "pay": secret}, "read", {"id": secret, "level": secret}, {"at": secret})
        ask(secret, secret, secret, secret)
    engine.reload()
    assert any(record.name == "abac" for record in caplog.records), "nothing is logged: the test shows nothing"
    assert secret not in caplog.text


def test_a_failed_reload_keeps_the_policy_and_raises_what_is_wrong(tmp_path: Path) -> None:
    folder = package(tmp_path)
    engine = Engine.load(folder, trust_request_clock=True)
    digest = engine.digest
    (folder / "desk.abac").write_text(SOURCES["brackets"], "utf-8")
    with pytest.raises(PolicyErrors):
        engine.reload()
    (folder / "desk.abac").write_bytes(b"\xff")
    with pytest.raises(LoadError):
        engine.reload()
    parts = json.loads(request())
    assert engine.digest == digest
    assert engine.decide(parts["subject"], "read", parts["resource"], parts["context"]).permitted
