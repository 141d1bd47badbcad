import numpy as np
import pytest

from vggt_ros.errors import OptionError
from vggt_ros.geometry.se3 import inverse, rigid
from vggt_ros.sources.dataset import Dataset, DatasetRecord
from vggt_ros.sources.detection import open_sequence
from vggt_ros.sources.rig_dataset import RigDataset

K = np.array([[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]])
MS = 1_000_000
LEFT, RIGHT = (rigid(np.eye(3), np.array([x, 0.2, 0.0])) for x in (-0.1, 0.3))


@pytest.fixture
def camera_of(write_image):
    def make(name, stamps_ms, place, value):
        records = [
            DatasetRecord(
                image=write_image(f'{name}/{stamp}.png', value + n), stamp_ns=stamp * MS, K=K
            )
            for n, stamp in enumerate(stamps_ms)
        ]
        drops = {'missing_file': 1}
        return Dataset('walk', 'euroc', records, camera=name, body_from_cam=place, drops=drops)

    return make


def test_frames_of_all_cameras_come_by_their_stamps_with_the_places_of_the_first(camera_of):
    left = camera_of('cam0', (100, 200, 300), LEFT, 10)
    rig = RigDataset([left, camera_of('cam1', (101, 201), RIGHT, 50)])
    frames = list(rig)
    assert [(each.stamp_ns // MS, each.camera) for each in frames] == [
        (100, 0), (101, 1), (200, 0), (201, 1), (300, 0),
    ]  # fmt: skip
    assert [int(each.image[0, 0, 0]) for each in frames] == [10, 50, 11, 51, 12]
    np.testing.assert_allclose(rig.first_from_cam[0], np.eye(4))
    np.testing.assert_allclose(rig.first_from_cam[1], inverse(LEFT) @ RIGHT)
    assert (rig.num_frames, rig.cameras, rig.drops) == (5, ('cam0', 'cam1'), {'missing_file': 2})
    assert rig.size == (64, 48)


def test_cameras_that_are_the_same_or_nowhere_are_refused(camera_of):
    left = camera_of('cam0', (100, 200), LEFT, 10)
    with pytest.raises(OptionError, match='has a camera twice'):
        RigDataset([left, left])
    with pytest.raises(OptionError, match='does not say where its cameras are'):
        RigDataset([left, camera_of('cam1', (101, 201), None, 50)])


def test_a_part_of_a_rig_has_both_cameras(tmp_path, write_image):
    for camera in range(2):
        folder = tmp_path / 'mav0' / f'cam{camera}'
        lines = ['#timestamp [ns],filename']
        for step in range(4):
            write_image(f'mav0/cam{camera}/data/{step * 100 * MS + 1}.png', 10 * step)
            lines.append(f'{step * 100 * MS + 1},{step * 100 * MS + 1}.png')
        (folder / 'data.csv').write_text('\n'.join(lines))
        (folder / 'sensor.yaml').write_text(
            f'T_BS:\n  data: [1, 0, 0, {0.11 * camera}, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]\n'
            'intrinsics: [50, 50, 32, 24]\ndistortion_model: radial-tangential\n'
            'distortion_coefficients: [0, 0, 0, 0]\nresolution: [64, 48]\n'
            'camera_model: pinhole\n'
        )
    sequence = open_sequence(tmp_path, camera=(0, 1), start_s=0.1, max_frames=2)
    assert [(each.stamp_ns, each.camera) for each in sequence] == [
        (100 * MS + 1, 0), (100 * MS + 1, 1), (200 * MS + 1, 0), (200 * MS + 1, 1),
    ]  # fmt: skip
    np.testing.assert_allclose(sequence.recording.first_from_cam[1][:3, 3], [0.11, 0, 0])
    assert open_sequence(tmp_path, camera=(1,)).cameras == ('cam1',)
    (tmp_path / 'K.txt').write_text('50 50 32 24')
    with pytest.raises(OptionError, match='is of one camera, and 2 are asked for'):
        open_sequence(tmp_path, camera=(0, 1), calibration=tmp_path / 'K.txt')
