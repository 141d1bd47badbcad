from jaxtyping import TypeCheckError
import numpy as np
import pytest

from vggt_ros.mapping.frame import Frame


def test_a_frame_without_calibration_is_a_frame(make_frame):
    assert make_frame(3).K is None


@pytest.mark.parametrize(
    'image', [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5, 3))]
)
def test_an_image_is_rgb_of_bytes(image):
    with pytest.raises(TypeCheckError):
        Frame(id=0, stamp_ns=1, camera_frame='camera', image=image)
