"""Floor 5, engine: attribute sources (XACML's policy information points): what they answer, and those that are shipped."""

from abac.engine.sources.function import AsyncFunctionSource, FunctionSource
from abac.engine.sources.memory import MemorySource
from abac.engine.sources.protocol import Absent, AsyncAttributeSource, AttributeSource, Found, Supply

__all__ = [
    "Absent",
    "AsyncAttributeSource",
    "AsyncFunctionSource",
    "AttributeSource",
    "Found",
    "FunctionSource",
    "MemorySource",
    "Supply",
]
