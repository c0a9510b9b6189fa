"""`abac explain`: finds the request by its id and says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runs import package, request, run


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("explain"))


def test_the_request_with_the_id_is_explained(papers: Path) -> None:
    stdin = request("a") + "nonsense\n" + request("b", level=5) + request("b", level=1)
    ran = run("explain", papers, "--requests", "-", "--id", "b", stdin=stdin)
    assert ran.code == 0
    assert ran.out.startswith("DENY  high\n  memo is for chiefs.\n")
    assert "resource.level" in ran.out


def test_without_an_id_the_first_request_is_explained(papers: Path) -> None:
    ran = run("explain", papers, "--requests", "-", "--format", "json", stdin="nonsense\n" + request("a") + request("b", level=5))
    (line,) = ran.lines
    assert (ran.code, line["id"], line["decision"]["effect"]) == (0, "a", "permit")


@pytest.mark.parametrize(("id", "wanted"), [(7, "7"), (True, "true"), ("", ""), ("7", "7")])
def test_ids_are_written_as_in_the_file(papers: Path, id: object, wanted: str) -> None:
    stdin = request(None, level=5) + request("other", level=5) + request(id)
    ran = run("explain", papers, "--requests", "-", "--id", wanted, "--format", "json", stdin=stdin)
    assert (ran.code, json.loads(ran.out)["id"]) == (0, id)


def test_an_id_that_no_request_has_ends_with_two_and_a_near_one_is_offered(papers: Path) -> None:
    stdin = request("request-17") + request(None) + "nonsense\n"
    ran = run("explain", papers, "--requests", "-", "--id", "request-71", stdin=stdin)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: -: no request has the id `request-71` (one line is no request): did you mean `request-17`?\n"
    assert run("explain", papers, "--requests", "-", "--id", "None", stdin=request(None)).code == 2


def test_a_file_without_requests_ends_with_two(papers: Path) -> None:
    assert run("explain", papers, "--requests", "-").code == 2


def test_members_for_machines_keep_requester_and_officer_apart(papers: Path) -> None:
    (line,) = run("explain", papers, "--requests", "-", "--id", "r", "--format", "json", stdin=request(level=5)).lines
    assert list(line) == ["id", "decision", "requester", "officer"]
    assert line["requester"] == {"effect": "deny", "code": "high", "text": "memo is for chiefs.", "advice": ["ask_chief"]}
    assert line["officer"]["deciding"]["rule"] == "high"


def test_the_clock_can_be_given(papers: Path) -> None:
    (line,) = run("explain", papers, "--requests", "-", "--now", "2030-01-01T00:00:00+02:00", "--format", "json", stdin=request()).lines
    assert line["officer"]["at"] == "2029-12-31T22:00:00Z"
    assert run("explain", papers, "--requests", "-", "--now", "noon", stdin=request()).code == 2
