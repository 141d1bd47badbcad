import numpy as np
import pytest

from vggt_ros.ros.middleware.messages import header_of, transform
from vggt_ros.ros.tf.sent_transforms import SentTransforms

STAMP_NS = 1_700_000_000_123_456_789


def message(stamp_ns=STAMP_NS, parent='map', child='odom', x=1.5):
    pose = np.eye(4)
    pose[0, 3] = x
    return transform(header_of(stamp_ns, parent), child, pose)


def test_what_was_sent_is_known_again_and_nothing_else():
    sent = SentTransforms()
    assert message() not in sent
    sent.remember([message(), message(child='base_link')])
    assert message() in sent
    assert message(child='base_link') in sent
    others = [
        message(stamp_ns=STAMP_NS + 1),
        message(parent='world'),
        message(child='camera'),
        message(x=np.nextafter(1.5, 2.0)),
    ]
    assert not any(each in sent for each in others)


@pytest.mark.parametrize('repeats', [1, 2])
def test_what_is_remembered_has_a_bound(repeats):
    sent = SentTransforms()
    for number in range(3000):
        for _ in range(repeats):
            sent.remember([message(stamp_ns=STAMP_NS + number)])
    known = [message(stamp_ns=STAMP_NS + number) in sent for number in range(3000)]
    assert sum(known) == 1000
    assert all(known[-1000:])
