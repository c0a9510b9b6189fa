"""Floor 1, model: the words of the trade. Imports nothing else of the project."""
