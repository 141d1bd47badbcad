from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.offline.frame_poses import between
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.source import SourceFrame
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.course_camera import CourseCamera
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor

PERIOD_NS = 50_000_000
START_NS = 1_700_000_000_123_456_789


class CourseSource:
    """The frames of a course as a recording, with truth; reads can be counted and fail."""

    def __init__(self, course, *, stop=None, depth=False):
        self.course = course
        self.num_frames = len(course) if stop is None else stop
        self.rate_hz = None
        self.depth = depth
        self.fails_at = None
        self._camera = CourseCamera(course)

    def __iter__(self):
        for index in range(self.num_frames):
            if index == self.fails_at:
                raise KeyboardInterrupt
            yield self.frame(index)

    def frame(self, index):
        course, pose = self.course, self.course.world_from_cam[index]
        depth = None
        if self.depth:
            depth = course.world.depth(pose, course.K, course.width, course.height)
        return SourceFrame(
            image=self._camera.image(index),
            stamp_ns=START_NS + index * PERIOD_NS,
            K=course.K_image,
            world_from_cam=pose,
            depth=depth,
        )


def finer(course, factor):
    """The same path with `factor` frames for each, evenly between."""
    poses = course.world_from_cam
    fine = [between(a, b, k / factor) for a, b in pairwise(poses) for k in range(factor)]
    return replace(course, world_from_cam=np.stack([*fine, poses[-1]]))


@pytest.fixture(scope='session')
def walk():
    """25 frames through a painted hall, four for every 12 cm."""
    whole = make_course('figure_eight', 40, 0).with_pictures(width=84, height=64, image_scale=2)
    return finer(replace(whole, world_from_cam=whole.world_from_cam[:7]), 4)


@pytest.fixture
def config():
    values = {'keyframe.min_parallax': 12.0, 'window.size': 4, 'window.overlap': 2}
    return with_values(VggtConfig(), values | {'refine.mode': 'off', 'loop.enable': False})


@pytest.fixture
def source_of():
    return CourseSource


@pytest.fixture
def truthful():
    """Make the network that answers for a course with the truth."""
    return lambda course: SimulatedPredictor(course, NONE, 0)


@pytest.fixture(scope='session')
def mapped(walk):
    """The walk, mapped by a network that tells the truth; four keyframes a window."""
    from vggt_ros.offline.map_sequence import map_sequence

    values = {'keyframe.min_parallax': 12.0, 'window.size': 4, 'window.overlap': 2}
    values |= {'refine.mode': 'off', 'loop.enable': False}
    return map_sequence(
        CourseSource(walk, depth=True),
        config=with_values(VggtConfig(), values),
        predictor=SimulatedPredictor(walk, NONE, 0),
    )


@pytest.fixture
def backbone_of():
    """Make a network of a course that counts and ends, as what `load_backbone` returns."""
    return SimulatedBackbone


class SimulatedBackbone:
    """Tells the truth; what it says of a window depends on the window alone."""

    def __init__(self, course, *, stop_after=None):
        self.description = PredictorDescription(
            checkpoint='simulated',
            device='cpu',
            precision='fp32',
            num_parameters=0,
            image_size=course.width,
            is_trained=True,
            notice='',
        )
        self.course, self.stop_after = course, stop_after
        self.asked = []
        self.is_closed = False
        self.capabilities = SimulatedPredictor(course, NONE, 0).capabilities

    def encode(self, frame_id, image):
        raise AssertionError('a recording is not encoded on arrival')

    def predict(self, images, request, *, frame_ids=None):
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(tuple(frame_ids))
        fresh = SimulatedPredictor(self.course, NONE, sum(frame_ids))
        return fresh.predict(images, request, frame_ids=frame_ids)

    def park(self):
        pass

    def unpark(self):
        pass

    def close(self):
        self.is_closed = True


@pytest.fixture
def opened(walk, source_of, tmp_path):
    """The walk as an input that is open; its folder is there and empty."""
    from vggt_ros.offline.open_input import Input, Selection

    folder = tmp_path / 'input'
    folder.mkdir()
    source = source_of(walk, depth=True)
    return Input(path=folder, name='walk', layout='rgbd', source=source, selection=Selection())


@pytest.fixture
def record(mapped, opened, backbone_of, walk):
    from vggt_ros.offline.run_record import run_record

    return run_record(
        mapped,
        opened,
        VggtConfig(),
        command=['vggt_ros', 'map', 'a <b>'],
        network=backbone_of(walk).description,
        sha256='ab' * 32,
    )
