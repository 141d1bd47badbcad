"""The name under which the compiled original keeps the same things."""

from tf2_py import *  # noqa: F403
