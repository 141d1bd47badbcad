from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.tracked_window import make_window, WindowPlan
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.mapping.refinement.depth_field import correct_depth
from vggt_ros.synthetic.sequence import SyntheticSequence


@dataclass
class RoomWindow:
    """Frames of a walk through a made-up room, with the truth."""

    images: np.ndarray
    depth: np.ndarray
    K: np.ndarray
    world_from_cam: np.ndarray

    def points(self, row, num_points, seed=0):
        """Return uv, z and sigma of exact points that a frame sees."""
        rng = np.random.default_rng(seed)
        height, width = self.depth.shape[1:]
        column = rng.integers(0, width, num_points)
        line = rng.integers(0, height, num_points)
        uv = np.stack([column, line], axis=1).astype(np.float64)
        z = self.depth[row, line, column].astype(np.float64)
        return uv, z, np.full(num_points, 0.01)

    def bent(self, row, amount=0.3):
        """Return a depth that is wrong by a smooth factor, as a network's is."""
        height, width = self.depth.shape[1:]
        v, u = np.mgrid[:height, :width]
        bend = amount * np.sin(2 * np.pi * u / width + row) * np.cos(np.pi * v / height)
        return (0.4 * self.depth[row] * np.exp(bend)).astype(np.float32)

    def correction(self, row, num_points=150):
        """Return the depth of a bent frame that met exact points."""
        return correct_depth(self.bent(row), *self.points(row, num_points))


def abs_rel(depth, true_depth):
    """Return the mean relative error."""
    return float(np.abs(depth / true_depth - 1).mean())


@pytest.fixture(scope='session')
def room():
    walk = SyntheticSequence(seed=5, num_frames=40, width=168, height=126)
    indices = list(range(5, 30, 5))
    views = walk.render(indices)
    poses = np.stack([walk.world_from_cam(i) for i in indices])
    return RoomWindow(
        images=views.rgb,
        depth=views.depth,
        K=np.repeat(walk.K[None], len(indices), axis=0),
        world_from_cam=poses,
    )


@pytest.fixture(scope='session')
def relative_error():
    return abs_rel


@pytest.fixture
def sideways():
    """Make poses of cameras that look along z and stand beside each other."""

    def make(*offsets):
        translation = np.zeros((len(offsets), 3))
        translation[:, 0] = offsets
        return rigid(np.repeat(np.eye(3)[None], len(offsets), axis=0), translation)

    return make


@pytest.fixture(scope='session')
def tracked():
    """Make windows of tracks with exact truth; what is in them by the names of `WindowPlan`."""

    def make(**plan):
        return make_window(WindowPlan(**plan))

    return make


@pytest.fixture(scope='session')
def pose_error():
    """Compare poses with the truth: degrees and median depths, root mean square over the cameras.

    Both sets are brought to the first camera and to the unit of the truth.
    """

    def compare(window, window_from_cam, rows=None, unit=None):
        rows = np.arange(len(window.K)) if rows is None else np.flatnonzero(rows)
        truth = inverse(window.window_from_cam[rows[0]]) @ window.window_from_cam[rows]
        found = inverse(window_from_cam[rows[0]]) @ window_from_cam[rows]
        if unit is None:
            unit = (found[:, :3, 3] * truth[:, :3, 3]).sum() / (found[:, :3, 3] ** 2).sum()
        turns = rotation_angle(np.swapaxes(truth[:, :3, :3], 1, 2) @ found[:, :3, :3])
        shifts = np.linalg.norm(unit * found[:, :3, 3] - truth[:, :3, 3], axis=1)
        means = [float(np.sqrt((each[1:] ** 2).mean())) for each in (turns, shifts)]
        return np.degrees(means[0]), means[1] / window.median_depth

    return compare
