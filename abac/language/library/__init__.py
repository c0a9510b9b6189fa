"""Floor 2, language: the built-in library: functions, patterns, times, arithmetic."""
