"""Benches: the counts that are on record, and what others come to beside them. No file is touched and nothing is counted here."""

from __future__ import annotations

import json
import platform
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version

GROWTH = 0.05
"""How much more than on record a count may be."""
NOISE = 0.01
"""How much two runs may differ; what changed by less stays on record as it was, so that it cannot creep."""
BUILT = ("--enable-optimizations", "--with-lto", "--enable-shared", "--with-pydebug")
LIBRARIES = ("pydantic", "orjson", "google-re2", "cachetools")


class Malformed(ValueError):
    """What is wrong with a file of counts; for people."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """
    Attributes:
        where: what counts depend on: the interpreter, how it was built, the system. Counts from elsewhere are not compared.
        libraries: versions beside which it was counted; told when a count grew.
        reason: why a count rose, the last time one did.
        instructions: a call, by name.
    """

    where: Mapping[str, str]
    libraries: Mapping[str, str]
    reason: str = ""
    instructions: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Attributes:
        fails: whether it ends the gate; a note otherwise.
    """

    text: str
    fails: bool = True


def here() -> Mapping[str, str]:
    options = str(sysconfig.get_config_var("CONFIG_ARGS"))
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "built": " ".join([platform.python_compiler(), str(sysconfig.get_config_var("OPT")), *(each for each in BUILT if each in options)]),
        "system": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
    }


def libraries() -> Mapping[str, str]:
    return {name: _version(name) for name in LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def read(text: str) -> Baseline:
    """Raises: Malformed."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Malformed(f"is no JSON: {error}") from None
    expected = {"where": dict, "libraries": dict, "reason": str, "instructions": dict}
    if not isinstance(found, dict) or set(found) != set(expected):
        raise Malformed(f"expected an object with {', '.join(expected)}")
    for name, kind in expected.items():
        if not isinstance(found[name], kind):
            raise Malformed(f"`{name}`: expected {'text' if kind is str else 'an object'}")
    for name in ("where", "libraries"):
        if not all(isinstance(value, str) for value in found[name].values()):
            raise Malformed(f"`{name}`: expected texts")
    for name, count in found["instructions"].items():
        if type(count) is not int or count < 1:
            raise Malformed(f"`{name}`: expected a count of instructions, found {json.dumps(count)}")
    return Baseline(**found)


def compare(baseline: Baseline, counted: Mapping[str, int], where: Mapping[str, str], beside: Mapping[str, str]) -> Iterator[Finding]:
    """What differs. Counts from elsewhere are not compared at all."""
    if dict(baseline.where) != dict(where):
        told = "; ".join(
            f"{baseline.where.get(name)} on record, {each} here" for name, each in where.items() if baseline.where.get(name) != each
        )
        yield Finding(f"nothing is compared with the record, which was counted elsewhere: {told}", fails=False)
        return
    yield from _compared(baseline.instructions, counted)
    changed = [f"{name} {baseline.libraries.get(name)} → {each}" for name, each in beside.items() if baseline.libraries.get(name) != each]
    if changed and any(_change(baseline.instructions, name, each) > GROWTH for name, each in counted.items()):
        yield Finding(f"since the record these libraries changed: {', '.join(changed)}", fails=False)


def _compared(recorded: Mapping[str, int], counted: Mapping[str, int]) -> Iterator[Finding]:
    for name, each in counted.items():
        if name not in recorded:
            yield Finding(f"{name}: {each:,} instructions, and none on record: `make count-baseline` records them")
            continue
        change, both = _change(recorded, name, each), f"{name}: {each:,} instructions, {recorded[name]:,} on record"
        if change > GROWTH:
            yield Finding(f"{both}: {change:+.1%}, and at most {GROWTH:+.0%} is allowed")
        elif change < -GROWTH:
            yield Finding(f"{both}: {change:+.1%}: `make count-baseline` records the lower count", fails=False)
    for name in recorded:
        if name not in counted:
            yield Finding(f"{name}: on record, and no longer counted: `make count-baseline` takes it off the record")


def _change(recorded: Mapping[str, int], name: str, counted: int) -> float:
    """As a share of what is on record; 0 where nothing is."""
    return (counted - recorded[name]) / recorded[name] if name in recorded else 0.0


def rises(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
    """The counts that are higher afterwards, by name."""
    return {name: (before[name], each) for name, each in after.items() if name in before and each > before[name]}


def renewed(baseline: Baseline | None, counted: Mapping[str, int], reason: str) -> Baseline:
    """What is to be on record now. The reason stays while nothing rises.

    Raises:
        Malformed: a count rises, and no reason is given.
    """
    before: Mapping[str, int] = baseline.instructions if baseline is not None else {}
    kept = baseline is not None and dict(baseline.where) == dict(here())
    instructions = {
        name: before[name] if kept and abs(_change(before, name, each)) <= NOISE and name in before else each
        for name, each in counted.items()
    }
    risen = rises(before, instructions)
    if risen and not reason.strip():
        told = "; ".join(f"{name}: {low:,} → {high:,}" for name, (low, high) in risen.items())
        raise Malformed(f'counts rise only with a reason, make count-baseline REASON="…", and in a commit of their own ({told})')
    last = reason.strip() if risen else baseline.reason if baseline is not None else ""
    return Baseline(here(), libraries(), last, instructions)
