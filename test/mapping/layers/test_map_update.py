from jaxtyping import TypeCheckError
import numpy as np
import pytest

from vggt_ros.mapping.layers.map_update import FrameResult


def parts(make_frame, shape):
    return {
        'frame': make_frame(0),
        'image': np.zeros((*shape, 3), np.uint8),
        'depth': np.ones(shape, np.float32),
        'confidence': np.ones(shape, np.float32),
        'points_in_cam': np.zeros((*shape, 3), np.float32),
        'keep': np.ones(shape, bool),
        'K': np.eye(3),
        'K_image': np.eye(3),
        'map_from_cam': np.eye(4),
        'covariance': np.eye(6),
    }


def test_all_images_of_a_result_have_one_size(make_frame):
    FrameResult(**parts(make_frame, (6, 8)))
    with pytest.raises(TypeCheckError):
        FrameResult(**parts(make_frame, (6, 8)) | {'keep': np.ones((8, 6), bool)})
