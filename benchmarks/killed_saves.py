"""Kills at random moments while a map is saved, saved by itself, or loaded.

    .venv/bin/python -m benchmarks.killed_saves [--count 1000] [--seed 0]

A process saves and loads one small map over and over; it is killed (SIGKILL) after a random time,
and what is on the disk is looked at: `latest` and every map must be whole, and a later start must
leave nothing unfinished behind.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import os
from pathlib import Path
import signal
import sys
import tempfile
import time

import numpy as np

from vggt_ros.errors import SessionError
from vggt_ros.evaluation.course_run import drive
from vggt_ros.mapping.export.part_folder import maps_named, remove_map
from vggt_ros.mapping.map_state import MapState
from vggt_ros.mapping.map_store import AUTOSAVE_NAME, MAP_NAME, MapStore
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.session.session_folder import read_session
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

# Longer than all that the process does in one round.
_LONGEST_S = 0.15
_EVERY_ROUND = 3


@dataclass(frozen=True, kw_only=True)
class Kills:
    """What was seen after processes were killed.

    Attributes:
        count: Processes that were killed.
        num_lost: Times that there was no whole map although there had been one.
        num_broken: Maps under a name of their own that were not whole.
        num_unfinished: Folders without a name that were found, and removed by the next start.
    """

    count: int
    num_lost: int
    num_broken: int
    num_unfinished: int


def kill_saves(state: MapState, config: VggtConfig, count: int, *, seed: int = 0) -> Kills:
    """Kill processes that save and load a map.

    Args:
        state: A map; it is not changed here.
        config: Its settings; `map.save_path` is written to.
        count: How often.
        seed: Of the moments.
    """
    rng = np.random.default_rng(seed)
    store = MapStore(LiveConfig(config), state, software='killed_saves')
    num_lost = num_broken = num_unfinished = 0
    has_latest = False
    for _ in range(count):
        _kill_one(state, config, float(rng.uniform(0.0, _LONGEST_S)))
        hidden = [each for each in store.folder.glob('.*') if not each.is_symlink()]
        store.remove_leftovers()
        num_unfinished += len(hidden)
        num_broken += sum(each.exists() for each in hidden)
        maps = [*maps_named(store.folder, MAP_NAME), *maps_named(store.folder, AUTOSAVE_NAME)]
        num_broken += sum(not _is_whole(each) for each in maps)
        latest = _is_whole(store.folder / 'latest')
        num_lost += has_latest and not latest
        has_latest |= latest
        for old in maps_named(store.folder, MAP_NAME)[5:]:
            if old != (store.folder / 'latest').resolve():
                remove_map(old, MAP_NAME)
    return Kills(
        count=count, num_lost=num_lost, num_broken=num_broken, num_unfinished=num_unfinished
    )


def _kill_one(state: MapState, config: VggtConfig, after_s: float) -> None:
    child = os.fork()
    if child == 0:
        try:
            _work(state, config)
        finally:
            os._exit(1)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _work(state: MapState, config: VggtConfig) -> None:
    for number in range(10**9):
        # A new one has not saved this map yet.
        store = MapStore(LiveConfig(config), state, software='killed_saves')
        store.autosave()
        if number % _EVERY_ROUND == 0:
            store.save(camera_frame='camera')
        read_session(store.folder / 'latest')


def _is_whole(folder: Path) -> bool:
    try:
        read_session(folder)
    except SessionError:
        return False
    return True


def main(arguments: list[str] | None = None) -> int:
    """Make a map of the simulated walk, kill, print what was seen; 1 if something was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('--count', type=int, default=1000)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    course = make_course('figure_eight', 40, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        values = {'keyframe.min_parallax': 0.0, 'refine.mode': 'off', 'map.save_path': folder}
        config = with_values(VggtConfig(), values | {'map.max_saves': 0, 'map.voxel_size': 0.2})
        mapper = Mapper(SimulatedPredictor(course, seed=options.seed), config, offline=True)
        for _ in drive(course, mapper):
            pass
        seen = kill_saves(mapper.map, config, options.count, seed=options.seed)
    sys.stdout.write(
        f'{seen.count} kills: {seen.num_lost} maps lost, {seen.num_broken} broken, '
        f'{seen.num_unfinished} unfinished ones removed by the next start\n'
    )
    return 1 if seen.num_lost or seen.num_broken else 0


if __name__ == '__main__':
    sys.exit(main())
