from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.offline.depth_files import DepthFiles, millimeters
from vggt_ros.offline.keyframe_store import MeasuredDepth
from vggt_ros.offline.map_sequence import map_sequence

METRIC = ScaleState(is_metric=True, meters_per_unit=1.0, log_sigma=0.01, source='depth')


@pytest.fixture
def written(walk, config, source_of, truthful, tmp_path):
    """Depth files of a few keyframes that are not finished, with the result and the depth."""
    files, depths = DepthFiles(tmp_path / 'frames'), {}

    def keep(frame):
        files.add(frame)
        depths[frame.frame.id] = frame.depth

    result = map_sequence(
        source_of(walk, stop=14), config=config, predictor=truthful(walk), on_keyframe=keep
    )
    return files, result, depths, tmp_path / 'frames'


def test_metric_depth_is_in_millimeters_grown_with_the_map(written, walk):
    files, result, depths, folder = written
    grown = replace(result, scale=METRIC, growth=np.full(len(result.keyframes), 2.0))
    files.finish(grown)
    lines = (folder / 'depth.txt').read_text().splitlines()
    assert 'millimeters' in lines[0]
    assert len(lines) == 1 + len(result.keyframes)
    stamp, name = lines[1].split()
    assert stamp == '1700000000.123456789'
    image = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    depth = depths[int(result.keyframes[0])]
    np.testing.assert_allclose(image, np.nan_to_num(2000 * depth), atol=0.51)
    rgb = cv2.imread(str(folder / 'rgb' / f'{stamp}.png'))
    assert rgb.shape == (walk.height, walk.width, 3)
    fx = float((folder / 'intrinsics.txt').read_text().splitlines()[1].split()[1])
    assert fx == pytest.approx(walk.K[0, 0], rel=1e-6)


def test_depth_that_was_replaced_is_what_is_written(written):
    files, result, depths, folder = written
    frame_id = int(result.keyframes[1])
    other = MeasuredDepth(
        depth=3 * depths[frame_id],
        confidence=np.full_like(depths[frame_id], 7.0),
        keep=np.zeros(depths[frame_id].shape, bool),
    )
    files.replace(frame_id, other)
    files.finish(replace(result, growth=np.full(len(result.keyframes), 2.0)))
    stamp = result.poses.name(frame_id)
    depth = np.load(folder / 'depth' / f'{stamp}.npy', allow_pickle=False)
    np.testing.assert_allclose(depth, 6 * depths[frame_id], rtol=1e-5)
    assert (np.load(folder / 'confidence' / f'{stamp}.npy', allow_pickle=False) == 7.0).all()
    assert not cv2.imread(str(folder / 'keep' / f'{stamp}.png'), cv2.IMREAD_UNCHANGED).any()


def test_other_depth_is_in_map_units_with_confidence_beside_it(written):
    files, result, depths, folder = written
    files.finish(result)
    for line in (folder / 'depth.txt').read_text().splitlines()[1:]:
        stamp, name = line.split()
        assert name == f'depth/{stamp}.npy'
        sure = np.load(folder / 'confidence' / f'{stamp}.npy', allow_pickle=False)
        depth = np.load(folder / name, allow_pickle=False)
        assert depth.dtype == sure.dtype == np.float32
        assert sure.shape == depth.shape
    np.testing.assert_allclose(depth, depths[int(result.keyframes[-1])], rtol=1e-5)
    left = [path.name for path in folder.rglob('*raw*')]
    assert left == []


def test_depth_that_does_not_fit_is_0():
    depth = np.array([[1.2344, 65.5, 65.6, np.nan, np.inf, -1.0]], np.float32)
    assert millimeters(depth).tolist() == [[1234, 65500, 0, 0, 0, 0]]


def test_a_focal_length_that_was_adjusted_in_the_end_is_written(written, walk, tmp_path):
    files, result = written[:2]
    longer = tuple(replace(view, K=view.K @ np.diag([1.25, 1.25, 1.0])) for view in result.views)
    files.finish(replace(result, views=longer))
    for name, K in (('intrinsics', walk.K), ('cameras', walk.K_image)):
        rows = (tmp_path / 'frames' / f'{name}.txt').read_text().splitlines()[1:]
        assert len(rows) == len(result.keyframes)
        np.testing.assert_allclose(float(rows[0].split()[1]), 1.25 * K[0, 0], rtol=1e-6)
