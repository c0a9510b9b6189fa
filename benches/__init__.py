"""Benches: how long decisions take, as ratios to hand-written Python for the same policies. `make bench` runs them."""
