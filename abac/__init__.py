"""Attribute-based access control: policies in a small language, decisions that fail closed and explain themselves."""

from abac.engine.engine import Engine
from abac.engine.explanation import Explanation
from abac.model.decision import Decision, Duty, Effect
from abac.model.diagnostics import Diagnostic
from abac.model.errors import AbacError, LoadError, PolicyError, PolicyErrors, SchemaError
from abac.model.schema import Schema
from abac.model.values import Cause, CauseKind

__all__ = [
    "AbacError",
    "Cause",
    "CauseKind",
    "Decision",
    "Diagnostic",
    "Duty",
    "Effect",
    "Engine",
    "Explanation",
    "LoadError",
    "PolicyError",
    "PolicyErrors",
    "Schema",
    "SchemaError",
]
