"""Places of all kinds, made up from a seed."""

from __future__ import annotations

import numpy as np

from vggt_ros.errors import ConfigError
from vggt_ros.synthetic.cluttered_table import cluttered_table
from vggt_ros.synthetic.corridor import corridor
from vggt_ros.synthetic.held_out import HELD_OUT_SEEDS
from vggt_ros.synthetic.open_ground import open_ground
from vggt_ros.synthetic.place import Place
from vggt_ros.synthetic.room import furnished_room

_KINDS = (furnished_room, corridor, cluttered_table, open_ground)
_SHARES = (0.7, 0.1, 0.1, 0.1)


def random_place(seed: int) -> Place:
    """Make up a place to train on, of a kind that follows from the seed as well.

    Raises:
        ConfigError: The seed is held out for measuring.
    """
    if seed in HELD_OUT_SEEDS:
        first, last = HELD_OUT_SEEDS.start, HELD_OUT_SEEDS.stop - 1
        raise ConfigError(
            f'place seed {seed} is held out for measuring: take one outside {first}..{last}'
        )
    rng = np.random.default_rng([seed, 6])
    return _KINDS[int(rng.choice(len(_KINDS), p=_SHARES))](seed)
