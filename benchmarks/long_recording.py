"""A long recording: does the memory of `vggt_ros map` grow with every frame?

    .venv/bin/python -m benchmarks.long_recording [--frames 20000] [--lap 1000]

A camera goes round a building, again and again; images are rendered, the network is simulated with
errors like VGGT's, three of four frames are keyframes, and the images are asked where the others
are. Prints a JSON line per tenth of the way: resident memory, keyframes, milliseconds a
frame; the last line says what the end costs, and how many frames have a pose. Exits 1 if resident
memory in the end is over 1.25 of what it was once the building was known.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
import sys
import time

from benchmarks.long_life import walked_again
from vggt_ros.offline.sequence_mapper import SequenceMapper
from vggt_ros.ros.middleware.memory import release_free, resident_mb
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.source import SourceFrame
from vggt_ros.synthetic.course import Course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

LIMIT = 1.25
_PERIOD_NS = 50_000_000
_WIDTH, _HEIGHT, _IMAGE_SCALE = 64, 48, 4
# A simulated network does not look at the images, so that they cannot refine what it says.
_SETTINGS = {'refine.mode': 'off', 'map.voxel_size': 0.1, 'map.max_points': 200_000}


def recording(course: Course) -> Iterator[SourceFrame]:
    """Yield what the camera saw on its way."""
    camera = CourseCamera(course)
    for index in range(len(course)):
        yield SourceFrame(
            image=camera.image(index),
            stamp_ns=(index + 1) * _PERIOD_NS,
            K=course.K_image,
            world_from_cam=course.world_from_cam[index],
        )


def mapped(course: Course, num_notes: int) -> list[dict[str, float]]:
    """Map a recording of a course; return what was noted on the way and in the end."""
    config = with_values(VggtConfig(), _SETTINGS)
    mapper = SequenceMapper(SimulatedPredictor(course, seed=0), config)
    lines: list[dict[str, float]] = []
    step = len(course) / num_notes
    start_s = time.monotonic()
    for number, frame in enumerate(recording(course), start=1):
        mapper.add(frame)
        if number >= (len(lines) + 1) * step:
            release_free()
            took_s = time.monotonic() - start_s
            lines.append(
                {
                    'frames': number,
                    'keyframes': mapper.progress(None).num_keyframes,
                    'loops': mapper.progress(None).num_loops,
                    'resident_mb': round(resident_mb(), 1),
                    'ms_a_frame': round(1e3 * took_s / step, 1),
                }
            )
            _print(lines[-1])
            start_s = time.monotonic()
    result = mapper.finish()
    lines.append(
        {
            'frames': len(course),
            'keyframes': len(result.keyframes),
            'coverage': round(result.poses.coverage, 4),
            'resident_mb': round(resident_mb(), 1),
            'finish_s': round(time.monotonic() - start_s, 1),
        }
    )
    _print(lines[-1])
    return lines


def main() -> int:
    """Map; 0 if memory did not grow."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--frames', type=int, default=20_000)
    parser.add_argument('--lap', type=int, default=1000, help='frames once round the building')
    parser.add_argument('--notes', type=int, default=10)
    options = parser.parse_args()
    course = walked_again(options.lap, options.frames, seed=0).with_pictures(
        width=_WIDTH, height=_HEIGHT, image_scale=_IMAGE_SCALE
    )
    lines = mapped(course, options.notes)
    known_after = min(-(-3 * options.lap * options.notes // options.frames), options.notes) - 1
    grown = round(lines[-1]['resident_mb'] / lines[known_after]['resident_mb'], 3)
    _print({'growth': grown})
    return 0 if grown <= LIMIT else 1


def _print(line: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
