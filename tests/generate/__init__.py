"""Tests: seeded draws of well-typed policies over the whole language, of requests for any schema, and of damage to requests."""
