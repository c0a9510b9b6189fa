"""Floor 5, engine: load, decide, explain, replace."""
