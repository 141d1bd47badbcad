import itertools

import numpy as np
import pytest

from vggt_ros.errors import SourceError
from vggt_ros.sources.bag_odometry import odometry_of
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import STATIC_TOPIC, StaticTransforms

STEP_NS = 50_000_000
# Turned left by 90 degrees about z.
LEFT = (0, 0, 0.5**0.5, 0.5**0.5)
NAN = float('nan')


def static(m):
    """The camera is on a rig, the rig on what moves."""
    yield STATIC_TOPIC, 0, m.transforms(m.transform(0, '/rig', 'cam', (0, 0, 1)))
    yield STATIC_TOPIC, 0, m.transforms(m.transform(0, 'base_footprint', 'rig', (0.2, 0, 0)))


@pytest.fixture
def found(write_bag):
    numbers = itertools.count()

    def read(make, topic=None, cameras=('cam',)):
        path = write_bag(lambda m: [*static(m), *make(m)], name=f'walk{next(numbers)}')
        with BagReader(path) as reader:
            tree = StaticTransforms(reader.decode(r) for r in reader.messages([STATIC_TOPIC]))
            return odometry_of(reader, topic, tree, cameras)

    return read


def moving(m, child='base_footprint', parent='odom', count=4):
    for index in range(1, count):
        stamp_ns = index * STEP_NS
        pose = m.transform(stamp_ns, parent, child, (index, 0, 0))
        yield '/tf', stamp_ns, m.transforms(pose)


def test_tf_says_where_what_carries_the_camera_went(found):
    odometry = found(moving)
    assert (odometry.topic, odometry.child, odometry.num_refused) == ('/tf', 'base_footprint', 0)
    at = odometry.poses.at(STEP_NS + STEP_NS // 2)
    np.testing.assert_allclose(at[:3, 3], [1.5, 0, 0], err_msg='between two of them')
    assert odometry.poses.at(9 * STEP_NS) is None
    assert odometry.notes == []


def test_links_above_are_composed_at_the_stamps_of_the_lowest(found):
    def messages(m):
        yield STATIC_TOPIC, 0, m.transforms(m.transform(0, 'plate', 'mast', (0, 0, 5)))
        yield from moving(m, parent='mast')
        for index in range(3):  # half as often, and turned
            stamp_ns = 2 * index * STEP_NS
            pose = m.transform(stamp_ns, '/odom', '/plate', (0, 10 * index, 0), LEFT)
            yield '/tf', stamp_ns, m.transforms(pose)

    poses = found(messages).poses
    assert poses.stamps_ns.tolist() == [STEP_NS, 2 * STEP_NS, 3 * STEP_NS]
    np.testing.assert_allclose(poses.at(2 * STEP_NS)[:3, 3], [0, 10 + 2, 5], atol=1e-9)
    np.testing.assert_allclose(poses.at(STEP_NS)[:3, 3], [0, 5 + 1, 5], atol=1e-9)


def test_what_is_no_pose_is_left_out_and_counted(found):
    def messages(m):
        yield from moving(m)
        for quat in ((NAN, 0, 0, 1), (0, 0, 0, 0)):
            bad = m.transform(9 * STEP_NS, 'odom', 'base_footprint', (9, 9, 9), quat)
            yield '/tf', 9 * STEP_NS, m.transforms(bad)

    odometry = found(messages)
    assert odometry.num_refused == 2
    assert odometry.poses.stamps_ns.max() == 3 * STEP_NS
    assert odometry.notes == ['2 poses of /tf are not rigid (NaN?) and left out']


def test_without_a_way_from_odom_to_every_camera_there_is_no_odometry(found):
    assert found(lambda m: moving(m, child='wheel')) is None
    assert found(lambda m: moving(m, parent='map')) is None
    assert found(lambda m: ()) is None
    assert found(moving, cameras=('cam', 'other')) is None
    ring = lambda m: [*moving(m, parent='x'), *moving(m, child='x', parent='base_footprint')]  # noqa: E731
    assert found(ring) is None
    with pytest.raises(SourceError, match="do not lead from 'odom' to cam; name another"):
        found(lambda m: moving(m, parent='map'), '/tf')


def test_a_topic_that_is_named_counts_and_none_is_none(found):
    def messages(m):
        yield from moving(m)
        yield '/wheels', 1, m.odometry(STEP_NS, (7, 0, 0), child='base_footprint')

    assert found(messages).topic == '/tf', 'a topic that is not named may be a truth'
    assert found(messages, '/wheels').topic == '/wheels'
    assert found(messages, 'none') is None
