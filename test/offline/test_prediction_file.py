import numpy as np
import pytest

from vggt_ros.inference.prediction import Request
from vggt_ros.offline.prediction_file import read_prediction, rounded, write_prediction

NAMES = ('images', 'depth', 'depth_conf', 'keep', 'cam_from_world', 'K_model', 'K_image')


@pytest.fixture
def prediction(walk, source_of, truthful):
    images = [source_of(walk).frame(i).image for i in (0, 4, 8)]
    points = np.array([[20.0, 30.0], [60.0, 50.0]], np.float32)
    request = Request(query_points=points, point_head=True, depth_frames=(1, 2))
    return truthful(walk).predict(images, request, frame_ids=[0, 4, 8])


def test_a_prediction_comes_back_as_it_was_rounded(prediction, tmp_path):
    write_prediction(tmp_path / 'p.npz', prediction)
    found, expected = read_prediction(tmp_path / 'p.npz'), rounded(prediction)
    for name in (*NAMES, 'points_in_world', 'points_conf', 'descriptors'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(prediction, name).dtype
    np.testing.assert_array_equal(found.tracks.positions, prediction.tracks.positions)
    assert found.grid == prediction.grid
    assert [path.name for path in tmp_path.iterdir()] == ['p.npz']


def test_rounding_costs_little_and_nothing_of_the_cameras(prediction):
    found = rounded(prediction)
    assert np.isnan(found.depth[0]).all()
    np.testing.assert_allclose(found.depth, prediction.depth, rtol=6e-4)
    np.testing.assert_allclose(found.points_in_world, prediction.points_in_world, atol=5e-3)
    np.testing.assert_array_equal(found.cam_from_world, prediction.cam_from_world)


def test_a_broken_or_missing_file_is_none(prediction, tmp_path):
    path = tmp_path / 'p.npz'
    assert read_prediction(path) is None
    write_prediction(path, prediction)
    path.write_bytes(path.read_bytes()[:-2000])
    assert read_prediction(path) is None
    path.write_bytes(b'')
    assert read_prediction(path) is None


def test_what_cannot_be_written_leaves_nothing(prediction, tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b'x')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'savez', full)
    with pytest.raises(OSError, match='No space'):
        write_prediction(tmp_path / 'p.npz', prediction)
    assert list(tmp_path.iterdir()) == []
