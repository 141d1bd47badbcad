"""Messages that nobody should send: none of them may break or hang the node."""

from array import array
from itertools import count
import time

import cv2
from hypothesis import given, HealthCheck, seed, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from vggt_ros.errors import InputError, PredictionError
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.ros.input.calibration import CalibrationReader
from vggt_ros.ros.input.image_input import ImageInput
from vggt_ros.ros.middleware.memory import resident_mb
from vggt_ros.ros.middleware.messages import header_of
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values

BYTES_PER_PIXEL = {
    'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'mono8': 1, 'mono16': 2, 'rgb16': 6,
    'bayer_rggb8': 1, 'bayer_grbg16': 2, 'yuv422': 2, 'yuv422_yuy2': 2, 'uyvy': 2, 'yuyv': 2,
    'nv12': 1, 'nv21': 1, 'nv24': 1, '8UC1': 1, '8UC3': 3, '16UC1': 2, '32FC1': 4, '64FC4': 32,
}  # fmt: skip
MODELS = ('plumb_bob', 'rational_polynomial', 'equidistant', 'fisheye', 'thin_prism', '')
UINT32 = st.integers(0, 2**32 - 1)
SMALL = st.integers(0, 40)
FLOATS = st.floats(allow_nan=True, allow_infinity=True, width=64)
NAMES = st.sampled_from(['cam', '', '/cam', 'a b', 'ü' * 300]) | st.text(max_size=8)
# What hangs takes for ever; a picture of 50 million pixels on a busy machine takes seconds.
MAX_S = 30.0
BATCH = 1000


def stamped(draw):
    # Ever later ones, so that most messages get past the check of the stamps.
    header = header_of(next(CLOCK) * 100_000_000, 'cam')
    broken = draw(st.sampled_from([*[''] * 8, 'stamp', 'name']))
    if broken == 'stamp':
        header.stamp.sec = draw(st.integers(-(2**31), 2**31 - 1) | st.just(0))
        header.stamp.nanosec = draw(UINT32 | st.just(0))
    elif broken == 'name':
        header.frame_id = draw(NAMES)
    return header


CLOCK = count(1_000)


@st.composite
def images(draw):
    broken = draw(
        st.sets(st.sampled_from(['encoding', 'size', 'step', 'data', 'pixel']), max_size=2)
    )
    encoding = draw(st.sampled_from(sorted(BYTES_PER_PIXEL)))
    if 'encoding' in broken:
        encoding = draw(st.text(max_size=6))
    # Few sizes: every change of size starts the stream again.
    width, height = draw(st.sampled_from([(8, 6), (8, 6), (8, 6), (24, 18), (1, 1)]))
    step = width * BYTES_PER_PIXEL.get(encoding, 3) + draw(st.sampled_from([0, 0, 5]))
    if 'step' in broken:
        step = draw(SMALL | UINT32)
    rows = height * 3 // 2 if encoding in ('nv12', 'nv21') else height
    data = array('B', bytes(rows * min(step, 2000)))
    if 'size' in broken:
        width, height = draw(SMALL | UINT32), draw(SMALL | UINT32)
    if 'data' in broken:
        data = data[: draw(st.integers(0, len(data)))]
    if 'pixel' in broken and data:
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return Image(
        header=stamped(draw),
        width=width,
        height=height,
        encoding=encoding,
        is_bigendian=draw(st.sampled_from([0, 1, 255])),
        step=step,
        data=data,
    )


PICTURES = [
    bytes(cv2.imencode(extension, np.zeros(shape, dtype))[1])
    for extension, shape, dtype in (
        ('.jpg', (24, 32, 3), np.uint8),
        ('.png', (24, 32, 3), np.uint8),
        ('.png', (24, 32), np.uint16),
        ('.webp', (24, 32, 3), np.uint8),
        ('.jpg', (1, 1), np.uint8),
    )
]


@st.composite
def compressed_images(draw):
    data = bytearray(draw(st.sampled_from(PICTURES)))
    broken = draw(st.sampled_from(['', '', 'bytes', 'end', 'all']))
    if broken == 'bytes':
        for _ in range(draw(st.integers(1, 4))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    elif broken == 'end':
        data = data[: draw(st.integers(0, len(data)))]
    elif broken == 'all':
        data = bytearray(draw(st.binary(max_size=200)))
    format_ = draw(st.sampled_from(['jpeg', 'png', 'x', '', '16UC1; compressedDepth']))
    return CompressedImage(header=stamped(draw), format=format_, data=array('B', data))


@st.composite
def infos(draw, message):
    width = getattr(message, 'width', 32)
    height = getattr(message, 'height', 24)
    real = [60.0, 0.0, 15.5, 0.0, 60.0, 11.5, 0.0, 0.0, 1.0]
    k = draw(st.just(real) | st.lists(FLOATS, min_size=9, max_size=9))
    p = draw(
        st.just([*real[:3], 0.0, *real[3:6], 0.0, *real[6:], 0.0])
        | st.just([0.0] * 12)
        | st.lists(FLOATS, min_size=12, max_size=12)
    )
    d = draw(st.lists(st.floats(-2.0, 2.0) | FLOATS, max_size=15))
    region = st.builds(
        RegionOfInterest,
        x_offset=SMALL | UINT32,
        y_offset=SMALL | UINT32,
        width=SMALL | UINT32,
        height=SMALL | UINT32,
    )
    return CameraInfo(
        header=message.header,
        width=draw(st.just(width) | SMALL | UINT32),
        height=draw(st.just(height) | SMALL | UINT32),
        k=k,
        p=p,
        d=d,
        distortion_model=draw(st.sampled_from(MODELS) | NAMES),
        binning_x=draw(st.sampled_from([0, 1, 2]) | UINT32),
        binning_y=draw(st.sampled_from([0, 1, 2]) | UINT32),
        roi=draw(st.just(RegionOfInterest()) | region),
    )


@st.composite
def pairs(draw):
    message = draw(images() | compressed_images())
    return message, draw(st.none() | infos(message))


class SilentPredictor:
    """Answers nothing: windows of made-up images come and go."""

    capabilities = Capabilities(encodes_on_arrival=True)

    def encode(self, frame_id, image):
        assert image.dtype == np.uint8

    def predict(self, images, request, *, frame_ids=None):
        raise PredictionError('there is nothing to see')


class Path:
    """All that a message goes through on its way into a window."""

    def __init__(self):
        config = {'keyframe.min_parallax': 0.0, 'window.size': 4, 'window.overlap': 1}
        self.mapper = Mapper(SilentPredictor(), with_values(VggtConfig(), config))
        ids = count()
        # One that rectifies, and one that does not.
        self.inputs = [
            ImageInput(0, '', CalibrationReader('auto', topic), ids)
            for topic in ('/image_raw', '/image_rect')
        ]
        self.num_sent = 0
        self.num_taken = 0

    def send(self, message, info):
        self.num_sent += 1
        images = self.inputs[self.num_sent % 2]
        try:
            frame = images.frame(message, info)
        except InputError as error:
            assert str(error), 'an error says what is wrong'
            self.mapper.stream.count_refused(error.reason)
            return
        try:
            self.mapper.add_frame(frame)
        except InputError as error:
            assert str(error)
        else:
            self.num_taken += 1
        window = self.mapper.wait_for_window(0.0)
        if window is not None:
            with pytest.raises(PredictionError):
                self.mapper.process(window, Wanted(tracks=False))


def test_no_message_breaks_or_hangs_the_way_into_a_window(fuzz_examples):
    path = Path()
    slowest_s = 0.0

    def send(pair):
        nonlocal slowest_s
        start_s = time.monotonic()
        path.send(*pair)
        slowest_s = max(slowest_s, time.monotonic() - start_s)

    memory_mb = []
    # hypothesis remembers all that it has tried in a run: many short runs, each with its own seed.
    for number in range(-(-fuzz_examples // BATCH)):
        run = settings(
            max_examples=min(BATCH, fuzz_examples),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )(given(pairs())(lambda pair: send(pair)))
        seed(number)(run)()
        memory_mb.append(resident_mb())
    snapshot = path.mapper.snapshot()
    counts = snapshot.counts
    assert counts.frames_in == path.num_sent >= fuzz_examples
    assert counts.frames_in == counts.num_dropped + snapshot.frames_pending
    assert slowest_s < MAX_S
    assert memory_mb[-1] < 1.1 * memory_mb[len(memory_mb) // 10] + 20.0, memory_mb
    # The messages are not so bad that none gets anywhere.
    assert path.num_taken > 0.01 * path.num_sent, counts.drops
    assert len(counts.drops) >= 8, counts.drops


def test_a_node_survives_messages_that_nobody_should_send(
    start_process, node_arguments, probe, health, make_camera, fuzz_examples
):
    node = start_process(
        'vggt_ros.ros.node', *node_arguments([('image', '/fuzz'), ('camera_info', '/fuzz_info')])
    )
    camera = make_camera('/fuzz')
    camera.wait_for_node()
    sensor = 10
    publishers = {
        Image: camera.images,
        CompressedImage: probe.node.create_publisher(CompressedImage, '/fuzz/compressed', sensor),
        CameraInfo: probe.node.create_publisher(CameraInfo, '/fuzz_info', sensor),
    }

    @settings(
        max_examples=max(100, fuzz_examples // 100),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(pairs())
    def send(pair):
        message, info = pair
        if info is not None:
            publishers[CameraInfo].publish(info)
        publishers[type(message)].publish(message)
        probe.spin_for(0.005)
        assert node.is_alive, node.log

    send()
    used = health.number('frames_used')
    info = CameraInfo(width=168, height=126)
    publishers[CameraInfo].publish(info)
    stamp_ns = 2**62 + 10**18

    def maps_again():
        nonlocal stamp_ns
        stamp_ns += 100_000_000
        camera.send(stamp_ns)
        probe.spin_for(0.1)
        return health.number('frames_used') > used

    assert probe.spin_until(maps_again), node.log
    health.assert_accounted_for()
    assert 'Traceback' not in node.log
    assert node.end()[0] == 0
