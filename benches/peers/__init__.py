"""Benches of other engines: the same policies and requests, from plain dicts to a bool.

One file for each engine says how its documentation would have it used and turns rules into its form; `rego.py`, `cel.py` and `plain.py`
hold what several share. No engine is imported by `abac` or needed by any test: they are the dependency group `peers`, installed in an
environment of their own. `child.py` runs in a process for each measurement, `run.py` starts it.
"""
