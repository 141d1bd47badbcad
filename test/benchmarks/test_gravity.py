import json

import numpy as np
import pytest

from benchmarks.gravity import main, SimulatedGravity
from vggt_ros.mapping.registration.pose_priors import PosePriors
from vggt_ros.synthetic.course import make_course

PERIOD_NS = 100_000_000


def test_an_imu_is_off_by_less_than_two_degrees_and_knows_its_frames_only():
    course = make_course('figure_eight', 60, 0)
    gravity = SimulatedGravity(course, 0, 40)
    assert isinstance(gravity, PosePriors)
    ups = [gravity.up_in_cam((k + 1) * PERIOD_NS, 'any') for k in range(60)]
    assert [up is not None for up in ups] == [True] * 40 + [False] * 20
    off_deg = [
        np.degrees(np.arccos(up.along_axes @ pose[2, :3]))
        for up, pose in zip(ups[:40], course.world_from_cam, strict=False)
    ]
    assert 0.1 < np.mean(off_deg) < 2.0


def test_gravity_bounds_the_tilt_of_a_course(capsys):
    assert main(['--seeds', '1', '--frames', '200', '--courses', 'turning']) == 0
    found = json.loads(capsys.readouterr().out)
    assert found['tilt_largest_deg_with']['worst'] < 2.0
    assert found['sim3_ate_percent_with']['worst'] == pytest.approx(
        found['sim3_ate_percent_without']['worst'], abs=0.3
    )
