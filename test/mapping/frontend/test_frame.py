from jaxtyping import TypeCheckError
import numpy as np
import pytest

from vggt_ros.geometry.lens import Lens, Rectifier
from vggt_ros.mapping.frontend.frame import Frame, UndecodedFrame


def test_a_frame_without_calibration_is_a_frame(make_frame):
    assert make_frame(3).K is None


@pytest.mark.parametrize(
    'image', [np.zeros((4, 5), np.uint8), np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5, 3))]
)
def test_an_image_is_rgb_of_bytes(image):
    with pytest.raises(TypeCheckError):
        Frame(id=0, stamp_ns=1, camera_frame='camera', image=image)


def undecoded(image, **more):
    def read_rows(rows):
        read.append(rows)
        return image[rows]

    read = []
    size = (image.shape[1], image.shape[0])
    frame = UndecodedFrame(
        id=3, stamp_ns=5, camera_frame='cam', size=size, read_rows=read_rows, **more
    )
    return frame, read


def test_an_undecoded_frame_becomes_a_frame_with_everything_it_knew(rng):
    image, K = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8), np.eye(3)
    waiting, read = undecoded(image, K=K)
    assert not read
    frame = waiting.decoded()
    assert (frame.id, frame.stamp_ns, frame.camera_frame, frame.size) == (3, 5, 'cam', (8, 6))
    np.testing.assert_array_equal(frame.image, image)
    assert frame.K is K
    assert frame.decoded() is frame


def test_the_thumbnail_does_not_depend_on_whether_the_frame_is_decoded(rng):
    image = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    waiting, _ = undecoded(image)
    before, after = waiting.thumbnail(), waiting.decoded().thumbnail()
    np.testing.assert_array_equal(before.gray, after.gray)
    assert before.noise_gray == after.noise_gray


def test_a_frame_behind_a_lens_is_rectified_when_it_is_decoded(rng):
    image = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    K = np.array([[30.0, 0, 15.5], [0, 30.0, 11.5], [0, 0, 1]])
    D = np.array([0.3, 0.1, 0.0, 0.0, 0.0])
    lens = Lens(model='plumb_bob', K=K, D=D, K_rect=K, width=32, height=24)
    rectifier = Rectifier(lens)
    frame = undecoded(image, K=rectifier.K, rectifier=rectifier)[0].decoded()
    np.testing.assert_array_equal(frame.image, rectifier.rectify(image))
    np.testing.assert_array_equal(frame.is_seen, rectifier.is_seen)
    assert not frame.is_seen.all(), 'the corners are beside what the lens saw'


def test_a_large_image_is_reduced_when_it_is_decoded(rng):
    image = np.zeros((3000, 4000, 3), np.uint8)
    K = np.array([[3000.0, 0, 1999.5], [0, 3000.0, 1499.5], [0, 0, 1.0]])
    waiting, _ = undecoded(image, K=K, num_bytes=152_000)
    assert waiting.num_bytes == 152_000
    frame = waiting.decoded()
    assert frame.num_bytes <= 6_300_000
    width, height = frame.size
    assert frame.K[0, 0] / width == pytest.approx(3000 / 4000)
    assert frame.K[1, 2] == pytest.approx((height - 1) / 2)
