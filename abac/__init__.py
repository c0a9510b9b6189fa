"""Attribute-based access control: policies in a small language, decisions that fail closed and explain themselves."""

from abac.engine.engine import Engine
from abac.model.decision import Decision, Duty, Effect
from abac.model.errors import AbacError, LoadError, PolicyError, PolicyErrors
from abac.model.schema import Schema
from abac.model.values import Cause, CauseKind

__all__ = [
    "AbacError",
    "Cause",
    "CauseKind",
    "Decision",
    "Duty",
    "Effect",
    "Engine",
    "LoadError",
    "PolicyError",
    "PolicyErrors",
    "Schema",
]
