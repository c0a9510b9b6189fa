"""Floor 6, cli: the command line."""
