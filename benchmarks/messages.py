"""Message cost: time to build the messages of one frame of 518 x 392 pixels.

    .venv/bin/python -m benchmarks.messages [--rounds 50]

Prints a JSON line per message, the median first. `copy` is one copy of as many bytes into
memory that was used before: what no builder can beat.
"""

from __future__ import annotations

import argparse
from array import array
from collections.abc import Callable
import json
import statistics
import sys
import time

import numpy as np
from std_msgs.msg import Header
import torch

from benchmarks.machine import machine_name
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.layers.map_update import FrameResult
from vggt_ros.mapping.layers.voxel_map import MapPoints
from vggt_ros.ros.middleware.messages import confidence_image, depth_image, rgb_image
from vggt_ros.ros.output.clouds import frame_cloud, map_cloud

_WIDTH, _HEIGHT, _MAP_POINTS = 518, 392, 200_000


def frame_result(rng: np.random.Generator) -> FrameResult:
    """Return the result of a frame with random numbers in it."""
    shape = (_HEIGHT, _WIDTH)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    return FrameResult(
        frame=Frame(id=0, stamp_ns=1, camera_frame='camera', image=image),
        image=image,
        depth=rng.uniform(1, 5, shape).astype(np.float32),
        confidence=rng.uniform(1, 5, shape).astype(np.float32),
        points_in_cam=rng.uniform(-5, 5, (*shape, 3)).astype(np.float32),
        keep=rng.uniform(size=shape) < 0.8,
        K=np.eye(3),
        K_image=np.eye(3),
        map_from_cam=np.eye(4),
        covariance=np.eye(6),
        tracks=None,
    )


def median_ms(build: Callable[[], object], rounds: int) -> float:
    """Return the median time of a call, after a few that do not count."""
    times = []
    for turn in range(rounds + 5):
        began_s = time.perf_counter()
        build()
        if turn >= 5:
            times.append(time.perf_counter() - began_s)
    return 1000 * statistics.median(times)


def copy_ms(num_bytes: int, rounds: int) -> float:
    """Return the time of a plain copy into warm memory."""
    source, target = np.ones(num_bytes, np.uint8), array('B', bytes(num_bytes))
    view = np.frombuffer(target, np.uint8)
    return median_ms(lambda: np.copyto(view, source), rounds)


def main() -> int:
    """Measure every builder."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--rounds', type=int, default=50)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    result, header = frame_result(rng), Header(frame_id='camera')
    points = MapPoints(
        points_in_map=rng.normal(size=(_MAP_POINTS, 3)).astype(np.float32),
        colors=rng.integers(0, 256, (_MAP_POINTS, 3), dtype=np.uint8),
        confidence=np.ones(_MAP_POINTS, np.float32),
        hits=np.ones(_MAP_POINTS, np.int64),
    )
    builders: dict[str, Callable[[], object]] = {
        '~/points': lambda: frame_cloud(header, result, 1),
        '~/depth/image_rect': lambda: depth_image(header, result.depth, '32FC1'),
        '~/depth/image_rect 16UC1': lambda: depth_image(header, result.depth, '16UC1'),
        '~/rgb/image_rect': lambda: rgb_image(header, result.image),
        '~/confidence/image': lambda: confidence_image(header, result.confidence),
        f'~/map/points {_MAP_POINTS}': lambda: map_cloud(header, points),
    }
    for topic, build in builders.items():
        message = build()
        size = len(message.data)  # type: ignore[attr-defined]
        line = {
            'ms': round(median_ms(build, rounds), 3),
            'topic': topic,
            'bytes': size,
            'copy_ms': round(copy_ms(size, rounds), 4),
            'machine': machine_name(torch.device('cpu')),
        }
        sys.stdout.write(json.dumps(line) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
