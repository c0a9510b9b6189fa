"""Floor 4, compiler: checked policies become Python functions."""

from __future__ import annotations

from abac.compiler.emit import emit_module
from abac.compiler.load import Compiled
from abac.compiler.lower import lower
from abac.compiler.passes import improve
from abac.language.checked import Package
from abac.language.collector import collector_paused

__all__ = ["Compiled", "compile_package", "improve"]


def compile_package(
    package: Package, digest: str = "", *, discharges: frozenset[str] = frozenset(), trust_request_clock: bool = False
) -> Compiled:
    """The functions of a checked package. Arguments are those of `Engine.load`."""
    with collector_paused():
        return Compiled(emit_module(improve(lower(package)), trusting=trust_request_clock), digest, discharges)
