import numpy as np
import pytest

from vggt_ros.evaluation.recording import RecordedFrame, Recording


@pytest.fixture
def make_frame():
    def make(index: int, height: int = 12, width: int = 16) -> RecordedFrame:
        rng = np.random.default_rng(index)
        depth = rng.uniform(1.0, 3.0, (height, width)).astype(np.float32)
        depth[0, 0] = np.nan
        return RecordedFrame(
            stamp_ns=1_700_000_000_000_000_001 + index * 100_000_000,
            image=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
            depth=depth,
            confidence=np.full((height, width), 1.5, np.float32),
            K=np.array([[20.0, 0, 8], [0, 20, 6], [0, 0, 1]]),
        )

    return make


@pytest.fixture
def recording(make_frame) -> Recording:
    rng = np.random.default_rng(0)
    poses = np.tile(np.eye(4), (6, 1, 1))
    poses[:, :3, 3] = rng.normal(size=(6, 3)).cumsum(axis=0)
    frames = tuple(make_frame(index) for index in range(6))
    return Recording(
        frames=frames,
        stamps_ns=np.array([frame.stamp_ns for frame in frames], dtype=np.int64),
        map_from_cam=poses,
        map_points=rng.normal(size=(50, 3)).astype(np.float32),
        map_colors=rng.integers(0, 256, (50, 3), dtype=np.uint8),
        map_confidence=np.full(50, 2.0, np.float32),
        input_stamps_ns=np.array([frame.stamp_ns for frame in frames], dtype=np.int64),
        diagnostics={
            'model.checkpoint': 'nano',
            'model.note': 'not trained',
            'frames_in': '7',
            'frames_used': '6',
            'dropped.late': '1',
            'windows': '2',
            'latency_p50_s': '0.25',
            'latency_p95_s': '0.30',
        },
        message_counts={'/vggt/pose': 6},
    )
