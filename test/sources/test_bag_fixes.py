from functools import partial

import numpy as np
import pytest

from vggt_ros.errors import OptionError
from vggt_ros.sources.bag import Bag

T0 = 1_700_000_000 * 10**9
K = np.array([[50.0, 0, 16], [0, 50, 12], [0, 0, 1]])


def walk(m, topics=('/fix',), *, antenna=True):
    """Three images half a second apart, and on each topic five messages, three of them fixes."""
    yield '/tf_static', T0, m.transforms(m.transform(T0, 'base_link', 'cam', (0.4, 0, 0)))
    if antenna:
        yield '/tf_static', T0, m.transforms(m.transform(T0, 'base_link', 'gps', (0, 0, 1.5)))
    for topic in topics:
        for second in range(3):
            stamp_ns = T0 + second * 10**9
            yield topic, stamp_ns, m.fix(stamp_ns, (48.0, 11.0 + 1e-5 * second, 500.0), 4.0)
        yield topic, T0, m.fix(T0 + 5 * 10**8, (0, 0, 0), 4.0, status=-1)
        yield topic, T0, m.fix(T0 + 6 * 10**8, (48, 11, 500), 4.0, covariance_type=0)
    for step in range(3):
        stamp_ns = T0 + step * 5 * 10**8
        yield '/cam/camera_info', stamp_ns, m.info(stamp_ns, K, (32, 24))
        yield '/cam/image', stamp_ns, m.image(stamp_ns, np.full((24, 32, 3), 9, np.uint8))


@pytest.mark.parametrize('kind', ['mcap', 'ros1'])
def test_images_know_where_the_antenna_was(write_bag, kind):
    bag = Bag(write_bag(walk, kind))
    fixes = [frame.fix for frame in bag]
    # A degree of longitude is 74.6 km long at 48 degrees.
    east = [each.position[0] for each in fixes]
    np.testing.assert_allclose(east, [0, 0.373, 0.746], atol=2e-3)
    np.testing.assert_array_equal(fixes[1].covariance, 4 * np.eye(3))
    np.testing.assert_allclose(fixes[1].antenna_in_cam, [-0.4, 0, 1.5], atol=1e-12)
    told = ' '.join(bag.notes)
    assert '1 fixes of /fix are left out: no_fix' in told
    assert '1 fixes of /fix are left out: unknown_covariance' in told


def test_an_antenna_that_is_nowhere_is_at_the_camera_and_a_note_says_so(write_bag):
    bag = Bag(write_bag(partial(walk, antenna=False)))
    assert next(iter(bag)).fix.antenna_in_cam.tolist() == [0, 0, 0]
    assert any("antenna 'gps'" in note for note in bag.notes)


def test_of_several_receivers_one_is_named_and_none_is_none(write_bag):
    path = write_bag(partial(walk, topics=('/front/fix', '/rear/fix')))
    assert next(iter(Bag(path))).fix is None
    assert next(iter(Bag(path, gnss_topic='/rear/fix'))).fix is not None
    with pytest.raises(OptionError, match=r'/odom has no fixes.*/front/fix, /rear/fix'):
        Bag(path, gnss_topic='/odom')
    alone = write_bag(walk, name='alone')
    assert next(iter(Bag(alone, gnss_topic='none'))).fix is None
