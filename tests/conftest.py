"""What every test shares: how hypothesis searches."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadline: a slow machine is not a wrong answer. In CI the same examples every time; at a desk new ones.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")
