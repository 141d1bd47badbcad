"""The player in a process of its own, over DDS."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from vggt_ros.ros.middleware.stamps import ns_from_stamp

pytestmark = pytest.mark.ros

ELSEWHERE = ['-r', '/camera/image_raw:=/other/image_raw']
IMAGES, INFOS, JPEGS = '/camera/image_raw', '/camera/camera_info', '/camera/image_raw/compressed'


@pytest.fixture(scope='module')
def ears(probe):
    probe.listen(Image, IMAGES)
    probe.listen(CameraInfo, INFOS)
    probe.listen(CompressedImage, JPEGS)
    return probe


@pytest.fixture
def play(start_process, ears):
    def run(**settings):
        for messages in ears.heard.values():
            messages.clear()
        words = []
        settings = {'wait_for_subscribers': 1, 'start_delay': 1.0, **settings}
        for name, value in settings.items():
            words += ['-p', f'{name}:={value}']
        return start_process('vggt_ros.ros.tools.camera_player', *words)

    return run


def stamps_of(messages):
    return [ns_from_stamp(message.header.stamp) for message in messages]


def end_of(player, ears):
    assert ears.spin_until(lambda: not player.is_alive), player.log
    ears.spin_for(0.2)
    return player.process.returncode


@pytest.fixture
def folder(tmp_path, rng):
    pictures = rng.integers(0, 256, (3, 6, 8, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f'{index}.png'), picture[..., ::-1])
    return tmp_path, pictures


def test_the_walk_is_played_with_calibration_and_even_stamps(play, ears):
    player = play(
        input='synthetic', num_frames=6, rate=20.0, width=64, height=48, compressed='true'
    )
    assert end_of(player, ears) == 0, player.log
    stamps_ns = stamps_of(ears.heard[IMAGES])
    assert len(stamps_ns) == 6
    assert set(np.diff(stamps_ns)) == {50_000_000}
    assert stamps_of(ears.heard[INFOS]) == stamps_ns
    assert stamps_of(ears.heard[JPEGS]) == stamps_ns
    image, info, jpeg = (ears.heard[topic][0] for topic in (IMAGES, INFOS, JPEGS))
    assert (image.encoding, image.width, image.height) == ('rgb8', 64, 48)
    assert {m.header.frame_id for m in (image, info, jpeg)} == {'camera_optical_frame'}
    assert (info.width, info.height) == (64, 48)
    assert info.k[0] > 0
    rgb = np.frombuffer(image.data, np.uint8).reshape(48, 64, 3)
    decoded = cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(decoded.astype(int) - rgb).mean() < 12


def test_a_folder_is_played_pixel_by_pixel_without_calibration(play, ears, folder):
    path, pictures = folder
    player = play(input=path, rate=30.0)
    assert end_of(player, ears) == 0, player.log
    played = [np.frombuffer(m.data, np.uint8).reshape(6, 8, 3) for m in ears.heard[IMAGES]]
    np.testing.assert_array_equal(played, pictures)
    assert not ears.heard[INFOS]


def test_who_looks_for_a_calibration_that_does_not_come_finds_no_publisher(play, ears, folder):
    player = play(input=folder[0], rate=5.0, loop='true')
    assert ears.spin_until(lambda: ears.heard[IMAGES]), player.log
    assert ears.node.count_publishers(INFOS) == 0
    player.end()


def test_the_first_image_waits_for_a_subscriber(play, ears, start_process, folder):
    player = start_process(
        'vggt_ros.ros.tools.camera_player', '-p', f'input:={folder[0]}', *ELSEWHERE
    )
    player.wait_for_log('has 0 of 1 subscribers')
    heard = []
    ears.node.create_subscription(Image, '/other/image_raw', heard.append, 10)
    assert end_of(player, ears) == 0, player.log
    assert len(heard) == 3


def test_a_loop_starts_over_and_its_stamps_go_on(play, ears, folder):
    path, pictures = folder
    player = play(input=path, rate=50.0, loop='true')
    assert ears.spin_until(lambda: len(ears.heard[IMAGES]) >= 8), player.log
    code, duration_s = player.end()
    assert (code, duration_s < 5.0) == (0, True), player.log
    stamps_ns = stamps_of(ears.heard[IMAGES])
    assert set(np.diff(stamps_ns)) == {20_000_000}
    assert bytes(ears.heard[IMAGES][3].data) == pictures[0].tobytes()


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        ({'input': '/nowhere.mp4'}, ['/nowhere.mp4']),
        ({'rate': 2000.0}, ['rate', '1000']),
        ({'wait_for_subscribers': 9, 'wait_timeout': 0.5}, ['wait_for_subscribers', '9']),
    ],
)
def test_what_cannot_be_played_is_an_error_with_a_remedy(play, ears, settings, words):
    player = play(**settings)
    assert end_of(player, ears) == 1
    assert all(word in player.log for word in words), player.log
    assert 'Traceback' not in player.log


def test_a_damaged_video_is_an_error(play, ears, tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    player = play(input=tmp_path / 'broken.mp4')
    assert end_of(player, ears) == 1
    assert 'broken.mp4' in player.log
