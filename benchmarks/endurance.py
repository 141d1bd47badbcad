"""Thousands of frames through one mapper: does it stay as large and as fast as it was?

    .venv/bin/python -m benchmarks.endurance [--frames 10000]

A synthetic walk is walked forth and back again and again, as nano and the mapper see it, without
ROS. Free memory is given back as in the node, and all bounds are so low that they are reached in
the first half. Prints a JSON line per tenth of the path, and exits 1 if the most memory of the
second half is more than 2 % above that of the first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
import itertools
import json
import statistics
import sys

from benchmarks.walk import endless_walk
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.offline import finish_windows
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.ros.middleware.memory import MemoryRelease, release_free, resident_mb
from vggt_ros.settings.config import ModelSettings, VggtConfig
from vggt_ros.settings.parameter_tree import with_values

_PERIOD_NS = 100_000_000
_MAX_GROWTH = 0.02
_SETTINGS = {
    'keyframe.min_parallax': 0.0,
    'map.max_points': 100_000,
    'path.max_size': 500,
    'loop.max_places': 100,
}


def frames(count: int) -> Iterator[Frame]:
    """Yield frames of a walk that turns round at either end, with ids and stamps that go on."""
    for i, seen in enumerate(itertools.islice(endless_walk(), count)):
        yield Frame(
            id=i,
            stamp_ns=(i + 1) * _PERIOD_NS,
            camera_frame='camera',
            image=seen.image,
            K=seen.K,
        )


def main() -> int:
    """Walk; 0 if the memory stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--frames', type=int, default=10_000)
    count = parser.parse_args().frames
    # Every frame counts, whether it brings anything new or not.
    config = with_values(VggtConfig(), _SETTINGS)
    predictor = Predictor.load(replace(ModelSettings(), checkpoint='nano', device='cpu'))
    mapper = Mapper(predictor, config, offline=True)
    memory, memory_mb, latencies_s = MemoryRelease(), [], []
    for frame in frames(count):
        mapper.add_frame(frame)
        for finished in finish_windows(mapper, Wanted(tracks=True)):
            if finished.update is not None:
                latencies_s.append(finished.update.latency_s)
            memory.release()
        if (frame.id + 1) % (count // 10) == 0:
            release_free()
            memory_mb.append(resident_mb())
            snapshot = mapper.snapshot()
            line = {
                'frames': frame.id + 1,
                'resident_mb': round(memory_mb[-1], 1),
                'median_window_s': round(statistics.median(latencies_s), 4),
                'map_points': snapshot.num_map_points,
                'frames_used': snapshot.counts.frames_used,
                'drops': snapshot.counts.drops,
            }
            sys.stdout.write(json.dumps(line) + '\n')
            sys.stdout.flush()
            latencies_s.clear()
    half = len(memory_mb) // 2
    growth = max(memory_mb[half:]) / max(memory_mb[:half]) - 1
    sys.stdout.write(json.dumps({'growth': round(growth, 4)}) + '\n')
    return 0 if growth < _MAX_GROWTH else 1


if __name__ == '__main__':
    sys.exit(main())
