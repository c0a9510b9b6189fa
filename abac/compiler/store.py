"""Floor 4, compiler: a compiled policy as bytes, and back: its code, the data that its functions find by name, and the rest for later.

What deciding takes is read at once: code, tables and outcomes. The checked package, of which reasons and explanations are made, and the
exact path are read when they are first asked for; the graph is made of the package anew.

Whoever writes these bytes can run code here, for code is in them: `restore` is for bytes that nobody but this user, or root, can have
written. That only named classes and functions are looked up is a second line, not the first.
"""

from __future__ import annotations

import importlib
import io
import ipaddress
import marshal
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, Final
from zoneinfo import ZoneInfo

from abac.compiler.emit import emit_module, shown_as
from abac.compiler.forms import Form, Forms
from abac.compiler.graph import Leaf
from abac.compiler.later import Later
from abac.compiler.load import KEPT, Compiled
from abac.compiler.lower import lower
from abac.compiler.outcomes import Facts, Outcome
from abac.compiler.passes import improve
from abac.language import checked as c
from abac.language.collector import collector_paused
from abac.language.stored import dump, load
from abac.model.errors import StoredError
from abac.model.types import Scalar

_PROTOCOL: Final = 5
_ERRORS = (pickle.UnpicklingError, EOFError, ImportError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Kept:
    """The parts of a compiled policy as bytes.

    Attributes:
        package: the checked package, by `abac.language.stored`.
        code: the module's code object.
        state: what its functions find by name.
        exact: the exact path's policy; empty where it has to be made of the package.
    """

    package: bytes
    code: bytes
    state: bytes
    exact: bytes


def keep(compiled: Compiled) -> Kept:
    """A compiled policy that was not replaced yet, as bytes.

    Raises:
        StoredError: something in it cannot be kept.
    """
    functions = {id(value): name for name, value in compiled.namespace.items() if _is_generated(value, compiled)}
    with collector_paused():
        state = _Keeper.bytes_of(_state(compiled, functions), _known(compiled, functions, at_once=True))
        try:
            exact = _Keeper.bytes_of(compiled.exact_policy, _known(compiled, functions, at_once=False))
        except StoredError:
            exact = b""
    return Kept(dump(compiled.package), marshal.dumps(compiled.code), state, exact)


def restore(kept: Kept, digest: str, discharges: frozenset[str]) -> Compiled:
    """The compiled policy; arguments as for `compile_package`, whose result it equals.

    Raises:
        StoredError: this is no compiled policy of this version.
    """
    try:
        with collector_paused():
            return _restored(kept, digest, discharges)
    except _ERRORS as error:
        raise StoredError(f"the compiled policy does not fit together: {type(error).__name__}") from error


# ── writing ────────────────────────────────────────────────────────────────────────────────────────────────


def _is_generated(value: object, compiled: Compiled) -> bool:
    return isinstance(value, FunctionType) and value.__globals__ is compiled.namespace


def _state(compiled: Compiled, functions: Mapping[int, str]) -> dict[str, Any]:
    """What is read at once. Of the outcomes, only those that code calls by name are listed; tables hold the others."""
    used = frozenset(_names(compiled.code))
    outcomes = {n: compiled.namespace[f"L{n}"] for n in compiled.numbers() if not used.isdisjoint((f"L{n}", f"P{n}", f"D{n}"))}
    own = {f"{letter}{n}" for n in compiled.numbers() for letter in "LPD"}
    left_out = compiled.given | own
    named = {name: value for name, value in compiled.namespace.items() if name not in left_out and id(value) not in functions}
    return {**{each: getattr(compiled, each) for each in KEPT}, "named": named, "outcomes": outcomes}


def _names(code: CodeType) -> Iterator[str]:
    """The names that code looks up."""
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _names(const)


def _known(compiled: Compiled, functions: Mapping[int, str], *, at_once: bool) -> dict[int, object]:
    """By identity, what is referred to instead of kept. What is read later refers to what is there by then."""
    known: dict[int, object] = {identity: ("function", name) for identity, name in functions.items()}
    known[id(_outcome)] = "outcome"
    if not at_once:
        known |= {id(compiled.schema): "schema", id(compiled.tables): "tables", id(compiled.forms): "forms"}
        known |= {id(node): place for place, node in enumerate(_nodes(compiled.package))}
    return known


def _nodes(package: c.Package) -> Iterator[object]:
    """The parts of a package that the exact path refers to, always in one order."""
    waiting: list[c.Policy | c.Rule] = [package.policy]
    while waiting:
        unit = waiting.pop()
        yield unit
        yield from unit.citations
        yield from unit.duties
        if isinstance(unit, c.Policy):
            waiting += unit.children
        elif unit.because is not None:
            yield from unit.because.parts


def _outcome(*facts: Any) -> Outcome:
    raise AssertionError("stands for what makes outcomes of the policy that is being read")


class _Keeper(pickle.Pickler):
    """Writes what generated code finds by name. What is made at run time is written as what made it, and of what."""

    def __init__(self, file: io.BytesIO, known: Mapping[int, object]) -> None:
        super().__init__(file, protocol=_PROTOCOL)
        self.known = known
        self.owed: dict[Any, Any] = {}

    @classmethod
    def bytes_of(cls, value: object, known: Mapping[int, object]) -> bytes:
        file = io.BytesIO()
        try:
            cls(file, known).dump(value)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise StoredError(f"this policy cannot be kept: {error}") from error
        return file.getvalue()

    def persistent_id(self, value: object) -> object:
        return self.known.get(id(value))

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind is Outcome:
            return self._outcome(value)
        if kind in _FROM_NUMBERS:
            return kind, _FROM_NUMBERS[kind](value)
        if kind is ZoneInfo:
            return ZoneInfo, (value.key,)
        if kind is FunctionType or kind is BuiltinFunctionType or kind is object or kind is Scalar:
            return self._function(value)
        if kind is MethodType:
            return _method, (value.__self__, value.__name__)
        if kind is Forms:
            return Forms, (value.schema, frozenset(value.groups), frozenset(value.ages))
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, Form):
            return _form, (kind,), _slots_of(value), None, None, _set_slots
        if kind.__module__ == c.__name__:
            raise pickle.PicklingError(f"a {kind.__name__} that nothing refers to")
        return NotImplemented

    def _outcome(self, outcome: Outcome) -> Any:
        facts = outcome.facts
        owed = self.owed.setdefault(facts.owed, facts.owed)
        own = {name: value for name in _TAKEN if (value := getattr(outcome, name)) not in (None, ())}
        made = _outcome, (facts.number, facts.effect, facts.rule, facts.policy, facts.code, facts.fixed, owed)
        return (*made, (None, own)) if own else made

    def _function(self, value: Any) -> Any:
        if hasattr(value, "made_by"):
            module, name, operands = value.made_by
            return _made_again, (module, name, *operands)
        if id(value) in _shelf():
            return _named, _shelf()[id(value)]
        owner = getattr(value, "__self__", None)
        if type(owner) is dict:
            return _method, (owner, value.__name__)
        return NotImplemented

    def _class(self, value: type) -> Any:
        if value is Form or not issubclass(value, Form):
            return NotImplemented
        forms = value._forms
        return _form_class, (forms, value.__name__, forms.frozen[value.__name__] is value)


_TAKEN = tuple(name for name in Outcome.__slots__ if name.startswith(("capture", "oblige", "owed", "row")))
_FROM_NUMBERS: Mapping[type, Callable[[Any], tuple[Any, ...]]] = {
    ipaddress.IPv4Address: lambda value: (int(value),),
    ipaddress.IPv6Address: lambda value: (str(value),) if value.scope_id else (int(value),),
    ipaddress.IPv4Network: lambda value: ((int(value.network_address), value.prefixlen),),
    ipaddress.IPv6Network: lambda value: ((int(value.network_address), value.prefixlen),),
}


def _slots_of(form: Form) -> dict[str, Any]:
    names = (name for each in type(form).__mro__ for name in each.__dict__.get("__slots__", ()))
    return {name: getattr(form, name) for name in names if hasattr(form, name)}


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────


def _restored(kept: Kept, digest: str, discharges: frozenset[str]) -> Compiled:
    compiled = Compiled.__new__(Compiled)
    code = marshal.loads(kept.code)
    if not isinstance(code, CodeType):
        raise StoredError("the compiled policy has no code")
    compiled.start(digest, discharges, _renamed(code, shown_as(compiled)))

    def outcome(*facts: Any) -> Outcome:
        return Outcome(Facts(*facts), compiled.leaf, digest, discharges)

    state = _Reader(kept.state, compiled.namespace, {"outcome": outcome}).load()
    package_data, exact_data = kept.package, kept.exact  # and nothing else of it for longer than now
    package = Later(lambda: _package(package_data, compiled))
    graph = Later(lambda: improve(lower(package())))
    module = Later(lambda: emit_module(graph(), trusting=compiled.trusting))
    exact = Later(lambda: _exact(exact_data, compiled))
    leaves = Later(lambda: _leaves(package()))
    compiled.resume(state, package, leaves, graph, module, exact)
    return compiled


def _renamed(code: CodeType, filename: str) -> CodeType:
    consts = tuple(_renamed(const, filename) if isinstance(const, CodeType) else const for const in code.co_consts)
    return code.replace(co_filename=filename, co_consts=consts)


def _package(data: bytes, compiled: Compiled) -> c.Package:
    """The package, with the schema and tables by which requests are being read."""
    return replace(load(data), schema=compiled.schema, tables=compiled.tables)


def _leaves(package: c.Package) -> tuple[Leaf, ...]:
    with collector_paused():
        return lower(package).leaves


def _exact(data: bytes, compiled: Compiled) -> Any:
    if not data:
        module = compiled.module
        for code in module.codes:
            code.function = compiled.namespace[code.name]
        return module.exact
    known: dict[object, Any] = {"schema": compiled.schema, "tables": compiled.tables, "forms": compiled.forms}
    with collector_paused():
        return _Reader(data, compiled.namespace, known | dict(enumerate(_nodes(compiled.package)))).load()


class _Reader(pickle.Unpickler):
    """Reads what a `_Keeper` wrote; looks up nothing but what our own modules define and a few classes of the standard library."""

    def __init__(self, data: bytes, functions: Mapping[str, Any], known: Mapping[object, Any]) -> None:
        super().__init__(io.BytesIO(data))
        self.functions, self.known = functions, known

    def persistent_load(self, reference: Any) -> Any:
        return self.functions[reference[1]] if type(reference) is tuple else self.known[reference]

    def find_class(self, module: str, name: str) -> Any:
        if name in _STANDARD.get(module, ()):
            return super().find_class(module, name)
        return _ours(module, name)


_ROOMS = ("abac.compiler.", "abac.language.", "abac.model.")
_STANDARD: Mapping[str, frozenset[str]] = {
    "builtins": frozenset((
        "bool", "dict", "float", "frozenset", "getattr", "int", "len", "list", "set", "str", "sum", "tuple", "type",
    )),
    "datetime": frozenset(("date", "datetime", "time", "timedelta", "timezone")),
    "decimal": frozenset(("Decimal",)),
    "ipaddress": frozenset(("IPv4Address", "IPv4Network", "IPv6Address", "IPv6Network")),
    "operator": frozenset(("attrgetter",)),
    "_operator": frozenset(("eq", "ge", "gt", "le", "lt", "ne")),
    "_bisect": frozenset(("bisect_right",)),
    "types": frozenset(("MappingProxyType",)),
    "zoneinfo": frozenset(("ZoneInfo",)),
}  # fmt: skip


def _ours(module: str, name: str) -> Any:
    """A class or function that a module of ours defines, under that name."""
    if not module.startswith(_ROOMS):
        raise pickle.UnpicklingError(f"{module}.{name} is not looked up")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
        if getattr(found, "__module__", None) != module:
            raise pickle.UnpicklingError(f"{module}.{name} is not looked up")
    return found


# ── how what is made at run time is made again ─────────────────────────────────────────────────────────────

_SHELVES = (
    "abac.compiler.runtime", "abac.compiler.exact", "abac.compiler.forms", "abac.compiler.readers", "abac.model.wire", "abac.model.types",
)  # fmt: skip


def _shelved(value: object) -> bool:
    return type(value) in (object, Scalar, FunctionType) or (type(value) is BuiltinFunctionType and isinstance(value.__self__, type))


@cache
def _shelf() -> Mapping[int, tuple[str, str]]:
    """By identity, where functions without a name of their own stand, and objects that are told by what they are."""
    modules = [(name, vars(importlib.import_module(name))) for name in _SHELVES]
    found: dict[int, tuple[str, str]] = {}
    for module, values in modules:
        for name, value in values.items():
            if _shelved(value):
                found.setdefault(id(value), (module, name))
    return found


def _named(module: str, name: str) -> Any:
    found = vars(importlib.import_module(module))[name] if module in _SHELVES else None
    if not _shelved(found):
        raise pickle.UnpicklingError(f"{module}.{name} is not looked up")
    return found


def _made_again(module: str, name: str, *operands: Any) -> Any:
    return _ours(module, name)(*operands)


def _method(owner: Any, name: str) -> Any:
    if name.startswith("_") and name != "__eq__":
        raise pickle.UnpicklingError(f"{name} is not looked up")
    return getattr(owner, name)


def _form_class(forms: Forms, owner: str, frozen: bool) -> type:
    return (forms.frozen if frozen else forms.classes)[owner]  # type: ignore[no-any-return]  # made at run time


def _form(kind: type) -> Any:
    if not issubclass(kind, Form):
        raise pickle.UnpicklingError(f"{kind.__name__} is no form")
    return object.__new__(kind)


def _set_slots(form: Form, slots: dict[str, Any]) -> None:
    for name, value in slots.items():
        object.__setattr__(form, name, value)
