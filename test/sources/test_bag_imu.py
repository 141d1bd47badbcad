import numpy as np
import pytest

from vggt_ros.errors import OptionError
from vggt_ros.sources.bag import Bag

START_NS, STEP_NS = 1_700_000_000_000_000_000, 10_000_000
# The z of the IMU is the -y of the camera.
QUAT_XYZW = (-(0.5**0.5), 0.0, 0.0, 0.5**0.5)


def bag_of(write_bag, *imus, mounted=('imu',)):
    """A bag with an image and some messages of each IMU, named like its topic."""

    def messages(m):
        for frame in mounted:
            yield '/tf_static', 0, m.transforms(m.transform(0, 'cam', frame, (0, 0, 1), QUAT_XYZW))
        yield '/cam/image', START_NS, m.image(START_NS, np.full((4, 6, 3), 9, np.uint8))
        for name in imus:
            for index in range(5):
                stamp_ns = START_NS + index * STEP_NS
                yield f'/{name}', stamp_ns, m.imu(stamp_ns, (0, 0, index), name)

    return write_bag(messages)


def test_the_only_imu_that_is_mounted_is_used(write_bag):
    found = Bag(bag_of(write_bag, 'imu', 'other')).imu
    assert (found.topic, found.frame) == ('/imu', 'imu')
    (turn,) = found.cam_from_imu
    np.testing.assert_allclose(turn @ [0, 0, 1], [0, 1, 0], atol=1e-9)


def test_messages_come_with_their_stamps(write_bag):
    found = list(Bag(bag_of(write_bag, 'imu')).imu.messages())
    assert [stamp_ns for stamp_ns, _ in found] == [START_NS + k * STEP_NS for k in range(5)]
    assert [message.linear_acceleration.z for _, message in found] == [0, 1, 2, 3, 4]


def test_a_bag_without_one_has_none_and_says_nothing(write_bag):
    bag = Bag(bag_of(write_bag, mounted=()))
    assert bag.imu is None
    assert not any('IMU' in note for note in bag.notes)


def test_one_that_is_not_mounted_is_not_used_and_that_is_told(write_bag):
    path = bag_of(write_bag, 'imu', mounted=())
    bag = Bag(path)
    assert bag.imu is None
    assert any('the IMU on /imu is not used, where it is' in note for note in bag.notes)
    with pytest.raises(OptionError, match='does not connect it with the camera cam; leave it out'):
        Bag(path, imu_topic='/imu')


def test_of_several_one_must_be_chosen(write_bag):
    path = bag_of(write_bag, 'imu', 'other', mounted=('imu', 'other'))
    bag = Bag(path)
    assert bag.imu is None
    assert any('choose with --imu-topic' in note for note in bag.notes)
    assert Bag(path, imu_topic='/other').imu.frame == 'other'
    assert Bag(path, imu_topic='none').imu is None


def test_a_topic_that_is_no_imu_is_refused_with_those_that_are(write_bag):
    told = r'no messages of an IMU on /cam/image.*\n  --imu-topic /imu'
    with pytest.raises(OptionError, match=told):
        Bag(bag_of(write_bag, 'imu'), imu_topic='/cam/image')
