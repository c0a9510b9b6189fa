"""A compiled policy that was kept and read again decides, explains and shows itself as the one that was compiled."""

from __future__ import annotations

import datetime as dt
import inspect
import io
import pickle
import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from abac import Engine
from abac.compiler import Compiled
from abac.compiler.store import Kept, _Reader, keep, restore
from abac.engine.explain import explain
from abac.engine.pipeline import Loaded
from abac.language import checked as c
from abac.language.surface import render_package
from abac.model.errors import StoredError
from abac.model.request import InvalidRequest
from benches.synthetic.families import FAMILIES
from benches.synthetic.shape import Workload
from benches.synthetic.shapes import SHAPES
from tests.compiler.agreeing import CHECKS, DIGEST, Question, Tally, questions, trusting
from tests.compiler.pointed import pointed_packages
from tests.generate.asking import drawn_packages
from tests.generate.requests import RequestMaker

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.timezone.utc)
PACKS = Path(__file__).parents[2] / "policies"


def again(compiled: Compiled) -> Compiled:
    kept = keep(compiled)
    assert kept.exact, "the exact path is kept too"
    return restore(kept, compiled.digest, compiled.discharges)


def agree(packages: Iterable[c.Package], seed: object, count: int) -> None:
    """With the reference in all that agreement is tested by, and word for word with the policy that was compiled."""
    tally = Tally()
    for i, package in enumerate(packages):
        fresh = trusting(package)
        kept = again(fresh)
        maker = RequestMaker.of(random.Random(f"{seed}/{i}"), package)
        for question in questions(package, kept, maker, count):
            for about in sorted(CHECKS.keys() - {"as it comes"}):  # that gives forms of one policy to another
                assert not CHECKS[about](question, tally), (about, package.sources[0].text)
            same_words(fresh, kept, question)
    assert tally.two_valued and tally.certified


def same_words(fresh: Compiled, kept: Compiled, question: Question) -> None:
    if isinstance(question.request, InvalidRequest):
        return
    both = fresh, kept
    raw, at = question.raw, question.request.now
    parts = (raw.get("subject"), raw.get("action"), raw.get("resource"), raw.get("context"))
    moment = at if isinstance(at, dt.datetime) else NOW
    assert kept.decide(*parts, moment).to_dict() == fresh.decide(*parts, moment).to_dict()
    assert kept.permits(*parts, moment) is fresh.permits(*parts, moment)
    assert kept.exact(question.request).to_dict() == fresh.exact(question.request).to_dict()
    read = question.request
    by_forms = [
        each.decide(each.form(read.subject), read.action, each.form(read.resource), each.form(read.context), moment) for each in both
    ]
    assert by_forms[0].to_dict() == by_forms[1].to_dict()
    shown = [explain(Loaded("p", DIGEST, each, NOW), question.request).to_dict() for each in both]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("shard", range(2))
def test_what_was_kept_answers_as_the_reference_does(shard: int) -> None:
    agree(drawn_packages(f"kept {shard}", 24), f"kept {shard}", 12)


def test_what_was_kept_answers_so_on_what_is_seldom_drawn() -> None:
    agree(pointed_packages(), "kept and pointed", 4)


@pytest.mark.parametrize("name", [*SHAPES, *FAMILIES])
def test_every_shape_can_be_kept(name: str) -> None:
    work = Workload({**SHAPES, **FAMILIES}[name], 40)
    fresh = Engine.from_text(work.text).state.by
    assert isinstance(fresh, Compiled)
    kept = again(fresh)
    assert kept.source == fresh.source


@pytest.mark.parametrize("name", sorted(path.name for path in PACKS.iterdir() if path.is_dir()))
def test_every_pack_can_be_kept(name: str) -> None:
    fresh = Engine.load(PACKS / name).state.by
    assert isinstance(fresh, Compiled)
    kept = again(fresh)
    assert kept.source == fresh.source
    assert render_package(kept.package) == render_package(fresh.package)


def test_lines_of_kept_code_are_its_own() -> None:
    fresh = Engine.from_text(Workload(SHAPES["mixed"], 40).text).state.by
    assert isinstance(fresh, Compiled)
    first, second = again(fresh), again(fresh)
    shown = [inspect.getsource(each.decide) for each in (fresh, first, second)]
    assert shown[0] == shown[1] == shown[2]
    assert len({each.decide.__code__.co_filename for each in (fresh, first, second)}) == 3
    search = [each.namespace[each.searches[1]] for each in (fresh, first)]
    assert inspect.getsource(search[0]) == inspect.getsource(search[1])


def test_nothing_but_what_deciding_takes_is_read_at_once() -> None:
    fresh = Engine.from_text(Workload(SHAPES["per_resource"], 40).text).state.by
    assert isinstance(fresh, Compiled)
    kept = restore(replace(keep(fresh), package=b"", exact=b"nothing"), "", frozenset())
    decision = kept.decide({}, "", {}, {}, NOW)
    assert decision.effect == "indeterminate"


class _Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("run",)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"), ("builtins", "eval"), ("abac.compiler.store", "importlib"), ("abac.engine.engine", "Engine"),
        ("abac.compiler.store", "pickle.loads"), ("abac.compiler.runtime", "cache"), ("abac.model.types", "dataclass"),
    ],
)  # fmt: skip
def test_only_what_is_ours_is_looked_up(module: str, name: str) -> None:
    with pytest.raises((pickle.UnpicklingError, AttributeError)):
        _Reader(b"", {}, {}).find_class(module, name)


def test_a_forged_state_runs_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    fresh = Engine.from_text(Workload(SHAPES["per_resource"], 40).text).state.by
    assert isinstance(fresh, Compiled)
    file = io.BytesIO()
    pickle.Pickler(file).dump(_Evil())
    with pytest.raises(StoredError):
        restore(replace(keep(fresh), state=file.getvalue()), "", frozenset())
    assert capsys.readouterr().out == ""


def test_what_does_not_fit_together_is_an_error_of_its_own() -> None:
    fresh = Engine.from_text(Workload(SHAPES["per_resource"], 40).text).state.by
    assert isinstance(fresh, Compiled)
    kept = keep(fresh)
    rng = random.Random(7)
    for name in ("code", "state"):
        content = getattr(kept, name)
        for broken in chain((b"", content[:-1], content[: len(content) // 2]), (rng.randbytes(30) for _ in range(5))):
            with pytest.raises(StoredError):
                restore(Kept(**{**{each: getattr(kept, each) for each in Kept.__slots__}, name: broken}), "", frozenset())
