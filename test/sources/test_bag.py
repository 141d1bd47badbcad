import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag import Bag
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.euroc import read
from vggt_ros.sources.frame_picker import FrameChoice
from vggt_ros.sources.recording import Recording
from vggt_ros.sources.source import Distortion

START_NS = 1_700_000_000_000_000_123
STEP_NS = 100_000_000
K = np.array([[60.0, 0, 31.5], [0, 61, 23.5], [0, 0, 1]])
D = (-0.2, 0.05, 0.0, 0.0)


def pixels(value):
    return np.full((48, 64, 3), value, np.uint8)


def walk(m, num_frames=4):
    yield '/cam/camera_info', START_NS, m.info(START_NS, K, (64, 48))
    for index in range(num_frames):
        stamp_ns = START_NS + index * STEP_NS
        yield '/cam/image_raw', stamp_ns + 999, m.image(stamp_ns, pixels(10 * index))


def values_of(bag, picker=None):
    frames = bag if picker is None else bag.frames(picker)
    return [round(float(frame.image.mean())) for frame in frames]


def test_every_kind_of_bag_gives_the_same_frames(write_bag, bag_kind):
    bag = Bag(write_bag(walk, bag_kind))
    assert isinstance(bag, Recording)
    assert bag.cameras == ('/cam/image_raw',)
    assert (bag.num_frames, bag.size, bag.num_depths) == (4, (64, 48), 0)
    np.testing.assert_array_equal(bag.K, K)
    frames = list(bag)
    assert [frame.stamp_ns for frame in frames] == [START_NS + i * STEP_NS for i in range(4)]
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, pixels(10 * index))
        np.testing.assert_array_equal(frame.K, K)
        assert frame.world_from_cam is frame.depth is frame.odom_from_base is None
    assert values_of(bag) == [0, 10, 20, 30], 'a second iteration starts over'
    assert bag.drops == {}


def test_only_frames_that_are_picked_are_decoded(write_bag):
    bag = Bag(write_bag(walk))
    assert values_of(bag, FrameChoice(start_s=0.1, every=2).picker()) == [10, 30]
    assert values_of(bag, FrameChoice(max_frames=1).picker()) == [0]


def test_late_images_are_put_in_order_and_counted(write_bag, caplog):
    def messages(m):
        for log, index in enumerate((0, 2, 1, 4, 3)):
            yield '/cam/image', log, m.image(START_NS + index * STEP_NS, pixels(10 * index))

    bag = Bag(write_bag(messages))
    assert values_of(bag) == [0, 10, 20, 30, 40]
    assert bag.num_late == 2
    assert 'has 2 images that were recorded after later ones' in caplog.text


def test_images_too_late_and_stamped_twice_are_dropped(write_bag, caplog):
    def messages(m):
        for log, index in enumerate([*range(1, 30), 0, 29]):
            yield '/cam/image', log, m.image(START_NS + index * STEP_NS, pixels(index))

    bag = Bag(write_bag(messages))
    assert values_of(bag) == list(range(1, 30))
    assert bag.drops == {'stamp_not_increasing': 2}
    assert 'images like it are left out' in caplog.text


def test_without_stamps_the_time_of_recording_counts(write_bag):
    def messages(m):
        for index in range(3):
            yield '/cam/image', START_NS + index, m.image(0, pixels(index))

    assert [f.stamp_ns - START_NS for f in Bag(write_bag(messages))] == [0, 1, 2]


def test_images_that_cannot_be_used_are_counted_by_reason(write_bag, caplog):
    def messages(m):
        yield '/cam/image', 0, m.image(START_NS, pixels(1))
        yield '/cam/image', 1, m.image(START_NS + 1, pixels(2), encoding='hsv')
        yield '/cam/image', 2, m.image(START_NS + 2, pixels(3), encoding='hsv')
        yield '/cam/image', 3, m.image(START_NS + 3, pixels(4)[:20])
        yield '/cam/image', 4, m.image(START_NS + 4, pixels(5))

    bag = Bag(write_bag(messages))
    assert values_of(bag) == [1, 5]
    assert bag.drops == {'bad_encoding': 2, 'other_size': 1}
    assert caplog.text.count("encoding 'hsv'") == 1, 'each reason is told once'


def test_not_one_usable_image_is_an_error_that_counts(write_bag):
    def messages(m):
        for index in range(3):
            yield '/cam/image/compressed', index, m.compressed(START_NS + index, b'damaged')

    bag = Bag(write_bag(messages))
    with pytest.raises(SourceError, match=r'not one of the 3 images .* \(3 bad_encoding\); see'):
        list(bag)


def test_depth_belongs_to_the_image_nearest_in_time(write_bag):
    def messages(m):
        for index in range(3):
            stamp_ns = START_NS + index * STEP_NS
            yield '/cam/image', stamp_ns, m.image(stamp_ns, pixels(index))
            if index != 1:
                # It comes after the image, and is stamped a little off.
                depth = np.full((48, 64), 1000 * (index + 1), np.uint16)
                message = m.image(stamp_ns + 15_000_000, depth, '16UC1')
                yield '/depth/image', stamp_ns + 60_000_000, message

    bag = Bag(write_bag(messages))
    assert (bag.depth_topic, bag.num_depths) == ('/depth/image', 2)
    depths = [frame.depth for frame in bag]
    assert depths[1] is None
    assert depths[0][5, 5] == 1.0
    assert depths[2][5, 5] == 3.0


def two_cameras(m):
    transform = (
        m.transform(0, 'rig', 'right', (0.1, 0, 0)),
        m.transform(0, 'rig', 'left', (0, 0, 0)),
    )
    yield '/tf_static', 0, m.transforms(*transform)
    for index in range(3):
        stamp_ns = START_NS + index * STEP_NS
        yield '/r/image', stamp_ns + 1, m.image(stamp_ns + 5, pixels(100 + index), frame='right')
        yield '/l/image', stamp_ns + 2, m.image(stamp_ns, pixels(index), frame='left')


def test_several_topics_are_cameras_of_a_rig(write_bag):
    bag = Bag(write_bag(two_cameras), topics=['/l/image', '/r/image'])
    assert bag.num_frames == 6
    frames = list(bag)
    assert [frame.camera for frame in frames] == [0, 1, 0, 1, 0, 1]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 100, 1, 101, 2, 102]
    np.testing.assert_array_equal(bag.first_from_cam[0], np.eye(4))
    np.testing.assert_array_equal(bag.first_from_cam[1][:3, 3], [0.1, 0, 0])
    picked = list(bag.frames(FrameChoice(every=2).picker(2)))
    assert [(f.camera, int(f.image[0, 0, 0])) for f in picked] == [
        (0, 0),
        (1, 100),
        (0, 2),
        (1, 102),
    ]


def test_a_calibration_is_of_one_camera_and_overrules_camera_info(write_bag):
    path = write_bag(two_cameras)
    calibration = Calibration(K=K + np.diag([1.0, 1, 0]))
    with pytest.raises(SourceError, match='is of one camera, and 2 are asked for'):
        Bag(path, topics=['/l/image', '/r/image'], calibration=calibration)
    with pytest.raises(SourceError, match='is of images of 9 x 9, those of walk_0 have 64 x 48'):
        Bag(path, topics=['/l/image'], calibration=Calibration(K=K, size=(9, 9)))
    path = write_bag(walk, name='other')
    assert next(iter(Bag(path, calibration=calibration))).K[0, 0] == 61
    bent = Calibration(K=K, distortion=Distortion(model='plumb_bob', D=np.array(D)))
    frame = next(iter(Bag(path, calibration=bent)))
    assert frame.K[0, 0] < 60
    assert frame.distortion is None


@pytest.mark.parametrize(
    ('info', 'note'),
    [
        ({'K': np.zeros((3, 3)), 'size': (64, 48)}, 'no focal length'),
        ({'K': K, 'size': (128, 96)}, 'is of images of 128 x 96, those of /cam/image_raw have'),
        ({'K': K * [[9], [9], [1]], 'size': (0, 0)}, 'principal point'),
        (None, 'not calibrated: no camera_info'),
    ],
)
def test_a_camera_info_that_does_not_fit_is_told_and_not_used(write_bag, info, note):
    def messages(m):
        if info is not None:
            yield '/cam/camera_info', 0, m.info(1, **info)
        yield '/cam/image_raw', 1, m.image(START_NS, pixels(1))

    bag = Bag(write_bag(messages))
    assert bag.K is None
    assert next(iter(bag)).K is None
    assert any(note in each for each in bag.notes)


def test_odometry_and_truth_come_from_topics_that_are_named(write_bag):
    def messages(m):
        yield '/tf_static', 0, m.transforms(m.transform(0, 'base_link', 'cam', (0, 0, 1)))
        for index in range(3):
            stamp_ns = START_NS + index * STEP_NS
            yield '/cam/image', stamp_ns, m.image(stamp_ns + STEP_NS // 2, pixels(index))
            yield '/odom', stamp_ns, m.odometry(stamp_ns, (index, 0, 0))

    path = write_bag(messages)
    bag = Bag(path, odometry_topic='/odom', truth_topic='/odom')
    frames = list(bag)
    np.testing.assert_allclose(frames[1].odom_from_base[:3, 3], [1.5, 0, 0])
    np.testing.assert_allclose(frames[1].world_from_cam[:3, 3], [1.5, 0, 1])
    assert frames[2].odom_from_base is None, 'after the last pose it is unknown'
    assert bag.truth == '/odom, moved from base_link to the camera by /tf_static'
    assert Bag(path).truth == ''


def test_the_odometry_of_tf_is_used_unless_it_is_not_wanted(write_bag):
    def messages(m):
        yield '/tf_static', 0, m.transforms(m.transform(0, 'base_link', 'cam', (0, 0, 1)))
        for index in range(3):
            stamp_ns = START_NS + index * STEP_NS
            yield '/cam/image', stamp_ns, m.image(stamp_ns, pixels(index))
            quat_xyzw = (0, 0, 0, 1) if index else (float('nan'), 0, 0, 1)
            pose = m.transform(stamp_ns, 'odom', 'base_link', (index, 0, 0), quat_xyzw)
            yield '/tf', stamp_ns, m.transforms(pose)

    path = write_bag(messages)
    bag = Bag(path)
    known = [frame.odom_from_base for frame in bag]
    assert known[0] is None
    np.testing.assert_allclose([pose[0, 3] for pose in known[1:]], [1, 2])
    np.testing.assert_array_equal(bag.base_from_cam[0][:3, 3], [0, 0, 1])
    assert '1 poses of /tf are not rigid (NaN?) and left out' in bag.notes
    without = Bag(path, odometry_topic='none')
    assert all(frame.odom_from_base is None for frame in without)
    assert without.base_from_cam == (None,)


def test_a_bag_of_a_data_set_has_the_same_frames_as_its_folder(views, tmp_path, write_bag):
    folder = tmp_path / 'asl/mav0/cam0'
    (folder / 'data').mkdir(parents=True)
    k = views.K
    (folder / 'sensor.yaml').write_text(
        f'T_BS:\n  data: {np.eye(4).ravel().tolist()}\n'
        f'intrinsics: [{k[0, 0]}, {k[1, 1]}, {k[0, 2]}, {k[1, 2]}]\n'
        f'distortion_model: radial-tangential\ndistortion_coefficients: {list(D)}\n'
    )
    grays = [image[..., 1].copy() for image in views.images[:3]]
    lines = []
    for index, gray in enumerate(grays):
        stamp_ns = START_NS + index * STEP_NS
        cv2.imwrite(str(folder / f'data/{stamp_ns}.png'), gray)
        lines.append(f'{stamp_ns},{stamp_ns}.png\n')
    (folder / 'data.csv').write_text(''.join(lines))

    def messages(m):
        for index, gray in enumerate(grays):
            stamp_ns = START_NS + index * STEP_NS
            yield '/cam0/image_raw', stamp_ns + 7, m.image(stamp_ns, gray, 'mono8', padding=8)
            yield '/cam0/camera_info', stamp_ns + 8, m.info(stamp_ns, k, (168, 128), d=D)

    _check_same(list(Bag(write_bag(messages))), list(read(tmp_path / 'asl', 10.0)))


def _check_same(frames, expected):
    assert [frame.stamp_ns for frame in frames] == [frame.stamp_ns for frame in expected]
    for frame, other in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(frame.image, other.image)
        np.testing.assert_array_equal(frame.K, other.K)
        assert frame.is_seen is None or np.array_equal(frame.is_seen, other.is_seen)


def test_a_bag_of_a_real_flight_has_the_same_frames_as_its_folder(shared_data, write_bag):
    folder = shared_data / 'real/euroc20'
    if not folder.is_dir():
        pytest.skip('the real flight is not on this machine')
    dataset = read(folder, 10.0).select(range(4))
    records = dataset._records

    def messages(m):
        yield (
            '/cam0/camera_info',
            0,
            m.info(1, records[0].K, dataset.size, d=dataset._distortion.D),
        )
        for record in records:
            gray = cv2.imread(str(record.image), cv2.IMREAD_UNCHANGED)
            yield '/cam0/image_raw', record.stamp_ns, m.image(record.stamp_ns, gray, 'mono8')

    _check_same(list(Bag(write_bag(messages, 'ros1'))), list(dataset))


@pytest.mark.parametrize('kind', ['ros1', 'mcap', 'mcap_chunks', 'sqlite3', 'sqlite3_message'])
def test_damaged_bytes_are_read_or_refused_and_nothing_else(write_bag, kind):
    path = write_bag(lambda m: walk(m, 2), kind)
    file = (
        path if path.is_file() else next(each for each in path.iterdir() if each.suffix != '.yaml')
    )
    whole = file.read_bytes()
    places = st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)), max_size=4)

    @settings(max_examples=25, deadline=None, database=None)
    @given(places, st.none() | st.integers(0, len(whole) - 1))
    def check(flips, length):
        content = bytearray(whole)
        for place, mask in flips:
            content[place] ^= mask
        file.write_bytes(content[:length])
        try:
            for frame in Bag(path):
                assert frame.image.shape[2] == 3
        except SourceError as error:
            assert str(path) in str(error) or path.name in str(error) or '/cam' in str(error)

    check()
