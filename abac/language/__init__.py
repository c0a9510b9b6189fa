"""Floor 2, language: syntax, its trees, and the built-in library."""
