"""Benches: policies as a competent engineer would write them by hand for speed, without any check of types.

Each policy has two forms: on plain dicts as a service holds them (instants as datetimes in UTC, entities that are only referred to
as their keys), and on the engine's own validated values. They are right for complete and well-typed requests only.
"""
