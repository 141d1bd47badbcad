import os

import numpy as np
import pytest

# A domain and a reach of their own, before anything of ROS is loaded: no test talks to a robot
# nor to the tests of somebody else. 0..101 are free on every platform.
os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
if os.environ.get('ROS_DISTRO') == 'humble':
    os.environ['ROS_LOCALHOST_ONLY'] = '1'
else:
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'

try:
    import rclpy  # noqa: F401
except ImportError:
    collect_ignore_glob = ['test_*.py']


def pytest_report_header():
    if 'collect_ignore_glob' in globals():
        return 'test/ros is left out: rclpy is not installed (`make venv`, or source ROS 2)'
    return f'test/ros: ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def frame_result(rng):
    """Make a FrameResult of small, distinct numbers; every third point is not kept."""
    from vggt_ros.mapping.frame import Frame
    from vggt_ros.mapping.map_update import FrameResult, FrameTracks

    def make(height=4, width=6, stamp_ns=1_700_000_000_123_456_789, num_tracks=0):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        keep = np.arange(height * width).reshape(height, width) % 3 != 0
        map_from_cam = np.eye(4)
        map_from_cam[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]  # 90 degrees about z
        map_from_cam[:3, 3] = 1.0, 2.0, 3.0
        tracks = None
        if num_tracks:
            tracks = FrameTracks(
                ids=(1000 + np.arange(num_tracks)).astype(np.uint32),
                uv=rng.uniform(0, 5, (num_tracks, 2)).astype(np.float32),
                points_in_cam=rng.normal(size=(num_tracks, 3)).astype(np.float32),
                visibility=rng.uniform(0, 1, num_tracks).astype(np.float32),
                confidence=rng.uniform(0, 1, num_tracks).astype(np.float32),
            )
        return FrameResult(
            frame=Frame(id=3, stamp_ns=stamp_ns, camera_frame='cam_optical', image=image),
            image=image,
            depth=rng.uniform(0.5, 4, (height, width)).astype(np.float32),
            confidence=rng.uniform(1, 9, (height, width)).astype(np.float32),
            points_in_cam=rng.normal(size=(height, width, 3)).astype(np.float32),
            keep=keep,
            K=np.array([[100.0, 0.0, 3.0], [0.0, 110.0, 2.0], [0.0, 0.0, 1.0]]),
            map_from_cam=map_from_cam,
            tracks=tracks,
        )

    return make
