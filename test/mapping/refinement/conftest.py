"""Scenes of points that look like nothing else, and keyframes that see them."""

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import pack_features
from vggt_ros.mapping.refinement.pair_verification import KeyframeView

SIZE = (640, 480)
K = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])


def root_sift(rng, count):
    """Descriptors like those of images: not negative, of length 1, most entries small."""
    histograms = rng.gamma(0.5, size=(count, 128)) + 0.02
    return np.sqrt(histograms / histograms.sum(axis=1, keepdims=True)).astype(np.float32)


class PointScene:
    """Points in a world, each with what it looks like."""

    def __init__(self, points, descriptors):
        self.points = points
        self.descriptors = descriptors

    @classmethod
    def room(cls, seed, count=400, center=(0.0, 0.0, 3.0), size=(4.0, 3.0, 2.0)):
        rng = np.random.default_rng([11, seed])
        points = np.array(center) + rng.uniform(-0.5, 0.5, (count, 3)) * size
        return cls(points, root_sift(rng, count))

    def moved(self, shift):
        """The very same things somewhere else."""
        return PointScene(self.points + np.asarray(shift), self.descriptors)

    def __add__(self, other):
        return PointScene(
            np.concatenate([self.points, other.points]),
            np.concatenate([self.descriptors, other.descriptors]),
        )

    def seen_from(
        self,
        world_from_cam,
        rng=None,
        noise_px=0.5,
        look_noise=0.01,
        depth_noise=0.01,
        known=1.0,
        place_from_world=None,
    ):
        """A keyframe of a camera, in a frame and a unit of its own."""
        rng = np.random.default_rng(0) if rng is None else rng
        in_cam = se3.transform(se3.inverse(world_from_cam), self.points)
        uv = project(in_cam, K)
        with np.errstate(invalid='ignore'):
            inside = (uv >= 0).all(axis=1) & (uv < SIZE).all(axis=1)
        rows = rng.permutation(np.flatnonzero(inside))
        uv = uv[rows] + noise_px * rng.normal(size=(len(rows), 2))
        looks = np.abs(self.descriptors[rows] + look_noise * rng.normal(size=(len(rows), 128)))
        looks /= np.linalg.norm(looks, axis=1, keepdims=True)
        stretch = np.exp(depth_noise * rng.normal(size=(len(rows), 1)))
        points = in_cam[rows] * stretch
        points[rng.random(len(rows)) >= known] = np.nan
        place = Sim3(1.0, np.eye(3), np.zeros(3)) if place_from_world is None else place_from_world
        features = Features(uv=uv.astype(np.float32), descriptors=looks.astype(np.float32))
        return KeyframeView(
            features=pack_features(features, place.scale * points, K, SIZE),
            place_from_cam=place.apply_to_pose(world_from_cam),
        )


@pytest.fixture(scope='session')
def point_scene():
    """The class of scenes of points."""
    return PointScene


@pytest.fixture(scope='session')
def pose_at():
    """Make world_from_cam of a camera: where it is and how it is turned, degrees about y."""

    def make(x=0.0, y=0.0, z=0.0, yaw_deg=0.0):
        rotation = matrix_from_rotation_vector(np.radians([0.0, yaw_deg, 0.0]))
        return se3.rigid(rotation, np.array([x, y, z]))

    return make


@pytest.fixture(scope='session')
def drift():
    """place_from_world of a place whose map has drifted, in another unit."""
    rotation = matrix_from_rotation_vector(np.array([0.2, -0.5, 0.1]))
    return Sim3(1.7, rotation, np.array([3.0, -1.0, 0.4]))
