"""Floor 2, language: a checked package as data, to be kept and read again in a fraction of the time that its text takes."""

from abac.language.stored.form import dump, load

__all__ = ["dump", "load"]
