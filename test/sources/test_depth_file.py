import cv2
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.depth_file import read_depth


def test_depth_is_meters_and_unknown_where_there_was_no_reading(tmp_path):
    cv2.imwrite(str(tmp_path / 'd.png'), np.array([[1500, 0], [65535, 5000]], np.uint16))
    np.testing.assert_array_equal(read_depth(tmp_path / 'd.png'), [[1.5, np.nan], [np.nan, 5.0]])
    assert read_depth(tmp_path / 'd.png', 5000.0)[1, 1] == 1.0


def test_what_is_no_depth_image_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'd.png'), np.zeros((4, 4, 3), np.uint16))
    with pytest.raises(SourceError, match=r'uint16 \(4, 4, 3\)'):
        read_depth(tmp_path / 'd.png')
    with pytest.raises(SourceError, match='nothing readable'):
        read_depth(tmp_path / 'none.png')
