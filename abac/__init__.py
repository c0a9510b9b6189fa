"""Attribute-based access control: policies in a small language, decisions that fail closed and explain themselves."""

from abac.engine.engine import Engine
from abac.engine.explanation import Explanation
from abac.engine.sources import (
    Absent,
    AsyncAttributeSource,
    AsyncFunctionSource,
    AttributeSource,
    Found,
    FunctionSource,
    MemorySource,
    Supply,
)
from abac.engine.statistics import Statistics
from abac.model.decision import Decision, Duty, Effect
from abac.model.diagnostics import Diagnostic
from abac.model.errors import AbacError, LoadError, PolicyError, PolicyErrors, SchemaError
from abac.model.schema import Schema
from abac.model.values import Cause, CauseKind, EntityRef, Origin

__all__ = [
    "AbacError",
    "Absent",
    "AsyncAttributeSource",
    "AsyncFunctionSource",
    "AttributeSource",
    "Cause",
    "CauseKind",
    "Decision",
    "Diagnostic",
    "Duty",
    "Effect",
    "Engine",
    "EntityRef",
    "Explanation",
    "Found",
    "FunctionSource",
    "LoadError",
    "MemorySource",
    "Origin",
    "PolicyError",
    "PolicyErrors",
    "Schema",
    "SchemaError",
    "Statistics",
    "Supply",
]
