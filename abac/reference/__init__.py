"""Floor 3, reference: what the language means, slowly and plainly."""

from abac.reference.decide import evaluate

__all__ = ["evaluate"]
