import numpy as np
import pytest

from vggt_ros.errors import DeviceError
from vggt_ros.inference import self_test
from vggt_ros.inference.predictor import Predictor
from vggt_ros.inference.self_test import record, run_self_test, STORED
from vggt_ros.settings.config import ModelSettings

ON_CPU = ModelSettings(device='cpu', precision='fp32')


def test_this_machine_gives_the_stored_numbers():
    found = run_self_test(ON_CPU)
    assert found.wrong == []
    assert (found.device, found.precision) == ('cpu', 'fp32')
    assert set(found.errors) == set(found.bounds)


def test_half_precision_has_bounds_of_its_own():
    found = run_self_test(ModelSettings(device='cpu', precision='bf16'))
    assert found.wrong == []
    assert found.errors['depth_median'] > run_self_test(ON_CPU).errors['depth_median']


def test_the_stored_window_is_not_still_and_not_flat():
    with np.load(STORED) as stored:
        poses, depth = stored['cam_from_world'], stored['depth']
        assert np.linalg.norm(poses[-1, :3, 3]) > 0.05
        assert depth.max() > 1.5 * depth.min()
    assert STORED.stat().st_size < 300_000


@pytest.mark.parametrize(
    ('name', 'spoil'),
    [
        ('depth_median', lambda p: p.depth.__imul__(1.02)),
        ('translation', lambda p: p.cam_from_world[2, :3, 3].__iadd__(0.1)),
        ('focal', lambda p: p.K_model[:, 0, 0].__imul__(1.01)),
        ('depth_largest', lambda p: p.depth[0, :7].fill(np.nan)),
    ],
)
def test_numbers_that_are_wrong_are_named(monkeypatch, name, spoil):
    predict = Predictor.predict

    def wrong(self, images):
        found = predict(self, images)
        spoil(found)
        return found

    monkeypatch.setattr(Predictor, 'predict', wrong)
    assert name in run_self_test(ON_CPU).wrong


def test_what_is_recorded_is_what_is_compared_with(tmp_path, monkeypatch):
    with np.load(STORED) as stored:
        images = list(stored['images'])[::-1]
    path = tmp_path / 'other.npz'
    record(images, path)
    monkeypatch.setattr(self_test, 'STORED', path)
    assert max(run_self_test(ON_CPU).errors.values()) < 1e-5


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(DeviceError):
        run_self_test(ModelSettings(device='cuda:99'))
