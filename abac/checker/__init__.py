"""Floor 3, checker: names, types, guards and lints; reports every complaint at once."""

from abac.checker.check import Parsed, check

__all__ = ["Parsed", "check"]
