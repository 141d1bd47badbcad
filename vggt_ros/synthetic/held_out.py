"""Held-out scenes: made-up scenes that are for measuring only."""

from __future__ import annotations

# Seeds of rooms and walks that no training may draw and no setting may be tuned on: whatever a
# network says about them, it says about places it has never seen.
HELD_OUT_SEEDS = range(900_000, 1_000_000)
