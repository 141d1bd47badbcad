import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.evaluation.held_out_windows import held_out_window
from vggt_ros.geometry.pinhole import project, unproject
from vggt_ros.geometry.se3 import inverse, transform

SIZE = {'width': 56, 'height': 42}


@pytest.fixture(scope='module')
def windows():
    return [held_out_window(900_000 + k, max_frames=8, **SIZE) for k in range(12)]


def test_the_seed_decides_everything(windows):
    again = held_out_window(900_003, max_frames=8, **SIZE)
    np.testing.assert_array_equal(again.images, windows[3].images)
    np.testing.assert_array_equal(again.cam_from_world, windows[3].cam_from_world)
    np.testing.assert_array_equal(again.tracks.positions, windows[3].tracks.positions)


def test_windows_differ_in_length_spacing_and_lens(windows):
    lengths = {len(window.images) for window in windows}
    assert min(lengths) == 4
    assert max(lengths) == 8
    assert len({round(window.K[0, 0], 3) for window in windows}) == len(windows)
    centers = [inverse(window.cam_from_world)[:, :3, 3] for window in windows]
    steps = [np.linalg.norm(np.diff(c, axis=0), axis=1).mean() for c in centers]
    assert min(steps) < 0.12
    assert max(steps) > 0.2


def test_no_window_is_longer_than_asked_for():
    for seed in range(900_100, 900_106):
        assert len(held_out_window(seed, max_frames=4, **SIZE).images) == 4


def test_points_begin_at_whole_pixels_that_can_be_seen(windows):
    for window in windows:
        start = window.tracks.positions[0]
        np.testing.assert_allclose(start, np.rint(start), atol=1e-3)
        assert window.tracks.is_visible[0].mean() > 0.95


def test_depth_poses_and_tracks_agree(windows):
    # A point that is seen in both frames: unprojected from the first, projected into the last.
    for window in windows[:4]:
        uv = np.rint(window.tracks.positions[0]).astype(int)
        depth = window.depth[0, uv[:, 1], uv[:, 0]].astype(np.float64)
        last_from_first = window.cam_from_world[-1] @ inverse(window.cam_from_world[0])
        points = transform(last_from_first, unproject(uv.astype(np.float64), depth, window.K))
        seen = window.tracks.is_visible[-1]
        np.testing.assert_allclose(
            project(points, window.K)[seen], window.tracks.positions[-1][seen], atol=0.01
        )


def test_a_seed_that_training_may_draw_is_refused():
    with pytest.raises(ConfigError, match='900000 to 999999'):
        held_out_window(899_999, max_frames=8, **SIZE)


@pytest.mark.parametrize('max_frames', [3, 9])
def test_a_number_of_frames_out_of_range_is_refused(max_frames):
    with pytest.raises(ConfigError, match='4 to 8 frames'):
        held_out_window(900_000, max_frames=max_frames, **SIZE)
