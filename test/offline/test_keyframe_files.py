import cv2
import numpy as np
import pytest

from vggt_ros.offline.depth_files import DepthFiles
from vggt_ros.offline.keyframe_files import read_keyframes
from vggt_ros.offline.map_sequence import map_sequence


@pytest.mark.parametrize('uses_meters', [False, True])
def test_what_was_written_is_read_back(
    walk, config, source_of, truthful, tmp_path, uses_meters, metric
):
    told = {}
    files = DepthFiles(tmp_path)

    def take(frame):
        told[frame.frame.id] = frame
        files.add(frame)

    result = map_sequence(
        source_of(walk, stop=14), config=config, predictor=truthful(walk), on_keyframe=take
    )
    result = metric(result) if uses_meters else result
    files.finish(result)
    found = list(read_keyframes(tmp_path, result.poses, result.keyframes))
    assert [each.frame_id for each in found] == result.keyframes.tolist()
    for each, growth in zip(found, result.growth, strict=True):
        true = told[each.frame_id]
        np.testing.assert_allclose(each.depth(), growth * true.depth, atol=6e-4)
        np.testing.assert_array_equal(each.image(), true.image)
        np.testing.assert_array_equal(each.confidence(), true.confidence)
        np.testing.assert_array_equal(each.keep(), true.keep)
        assert 0 < each.keep().sum() < each.keep().size
        np.testing.assert_allclose(each.K, true.K, rtol=1e-8)
        np.testing.assert_allclose(each.K_image, true.K_image, rtol=1e-8)
        assert each.image_size == true.frame.size
        bgr = cv2.imread(str(each.image_file))
        np.testing.assert_array_equal(bgr[..., ::-1], true.frame.image)


def test_without_files_there_are_no_keyframes(mapped, tmp_path):
    assert list(read_keyframes(tmp_path, mapped.poses, mapped.keyframes)) == []


@pytest.fixture
def metric():
    from dataclasses import replace

    return lambda result: replace(result, scale=replace(result.scale, is_metric=True))
