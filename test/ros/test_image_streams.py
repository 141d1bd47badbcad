"""One walk as several cameras would send it: the depth must not depend on how."""

from itertools import count

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage

from vggt_ros.geometry.lens import distort_image, Lens
from vggt_ros.inference.predictor import Predictor
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.ros.input.calibration import CalibrationReader
from vggt_ros.ros.input.image_input import ImageInput
from vggt_ros.ros.middleware.messages import camera_info, header_of, rgb_image
from vggt_ros.settings.config import ModelSettings, VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.sequence import SyntheticSequence

INDICES = list(range(0, 32, 4))
WIDTH, HEIGHT = 640, 480
LENSES = {
    'plumb_bob': [-0.25, 0.08, 0.001, -0.001, 0.0],
    'rational_polynomial': [0.1, -0.12, 0.0005, -0.0005, 0.01, 0.35, -0.1, 0.02],
    'equidistant': [0.02, -0.01, 0.004, -0.001],
}


class Walk:
    """Eight frames, in the resolution of the camera and in twice that, for the lens."""

    def __init__(self):
        make = {'seed': 3, 'num_frames': 40, 'rate_hz': 10.0}
        sequence = SyntheticSequence(width=WIDTH, height=HEIGHT, **make)
        large = SyntheticSequence(width=2 * WIDTH, height=2 * HEIGHT, **make)
        self.K, self.K_large = sequence.K.copy(), large.K.copy()
        self.images, self.images_large = sequence.render(INDICES).rgb, large.render(INDICES).rgb
        self.ids = count()
        self.predictor = Predictor.load(ModelSettings(checkpoint='nano', device='cpu'))

    def depth(self, topic, make_message, model='plumb_bob', d=()):
        """Depth of all frames as the node gets it, from messages to the map."""
        config = {'keyframe.min_parallax': 0.0, 'window.size': 8, 'model.checkpoint': 'nano'}
        # Features differ from stream to stream; what comes in is compared here.
        config |= {'refine.mode': 'off'}
        mapper = Mapper(self.predictor, with_values(VggtConfig(), config), offline=True)
        images = ImageInput(0, '', CalibrationReader('auto', topic), self.ids)
        for number in range(len(INDICES)):
            header = header_of(10**9 + number * 10**8, 'cam')
            info = camera_info(header, self.K, WIDTH, HEIGHT)
            info.distortion_model, info.d = model, list(d) or [0.0] * 5
            mapper.add_frame(images.frame(make_message(header, number), info))
        mapper.stream.flush()
        update = mapper.process(mapper.wait_for_window(0.0), Wanted(tracks=False))
        return update.new_frames


@pytest.fixture(scope='module')
def walk():
    return Walk()


@pytest.fixture(scope='module')
def raw(walk):
    return walk.depth('/image_raw', lambda header, i: rgb_image(header, walk.images[i]))


def difference(found, expected):
    """Median relative difference of the depth of all pixels that both see."""
    known = {result.frame.stamp_ns: result.depth for result in expected}
    # The map leaves out a frame that disagrees with its window; that may be another one.
    log_ratio = np.stack(
        [
            np.log(result.depth / known[result.frame.stamp_ns])
            for result in found
            if result.frame.stamp_ns in known
        ]
    )
    assert len(log_ratio) >= len(INDICES) - 2
    assert np.isfinite(log_ratio).mean() > 0.9
    return float(np.nanmedian(np.abs(log_ratio)))


def test_compressed_images_give_the_same_depth(walk, raw):
    def jpeg(header, index):
        data = cv2.imencode('.jpg', walk.images[index][..., ::-1].copy())[1]
        message = CompressedImage(header=header, format='rgb8; jpeg compressed bgr8')
        message.data.frombytes(data.data)
        return message

    assert difference(walk.depth('/image_raw', jpeg), raw) < 0.01


def test_rectified_images_give_the_same_depth(walk, raw):
    found = walk.depth(
        '/image_rect', lambda header, i: rgb_image(header, walk.images[i]), d=LENSES['plumb_bob']
    )
    assert difference(found, raw) < 1e-6, 'P is what the image was made with'


@pytest.mark.parametrize('model', LENSES)
def test_distorted_images_give_the_same_depth_and_calibration(walk, raw, model):
    d = np.array(LENSES[model])
    lens = Lens(model=model, K=walk.K, D=d, K_rect=walk.K, width=WIDTH, height=HEIGHT)

    def distorted(header, index):
        return rgb_image(header, distort_image(lens, walk.images_large[index], walk.K_large))

    found = walk.depth('/image_raw', distorted, model, d)
    assert difference(found, raw) < 0.01
    np.testing.assert_allclose(found[0].K, raw[0].K)
    assert np.abs(found[0].image.astype(int) - raw[0].image).mean() < 4
