import pytest

from vggt_ros.ros.middleware.tf_clock import SeenImage, TfClock

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS
EDGE = 'odom -> cam'


def problem(clock, now_s, *, tf_ns, image_ns, image_age_s=0.0, node_ns=None):
    image = SeenImage(camera_frame='cam', stamp_ns=image_ns, at_s=now_s - image_age_s)
    return clock.problem(EDGE, tf_ns, image, now_s, node_ns)


def test_stamps_that_fit_are_no_problem():
    clock = TfClock()
    for k in range(10):
        now_ns = START_NS + k * SECOND_NS
        found = problem(clock, 50.0 + k, tf_ns=now_ns, image_ns=now_ns - SECOND_NS, node_ns=now_ns)
        assert found is None


@pytest.mark.parametrize(
    ('off_s', 'words'), [(-3600.0, '3600.0 s before odom -> cam'), (2.5, '2.5 s after')]
)
def test_clocks_that_differ_are_told_by_how_much(off_s, words):
    clock = TfClock()
    for k in range(10):
        tf_ns = START_NS + k * SECOND_NS
        image_ns = tf_ns + int(off_s * SECOND_NS)
        found = problem(clock, 50.0 + k, tf_ns=tf_ns, image_ns=image_ns)
        assert found.reason == 'clocks_differ'
        assert words in found.text


def test_the_way_of_an_image_since_it_came_counts():
    found = problem(
        TfClock(), 50.0, tf_ns=START_NS, image_ns=START_NS - 3 * SECOND_NS, image_age_s=3.0
    )
    assert found is None


def test_a_recording_without_its_clock_is_told():
    found = problem(
        TfClock(),
        50.0,
        tf_ns=START_NS,
        image_ns=START_NS,
        node_ns=START_NS + 86_400 * SECOND_NS,
    )
    assert found.reason == 'clocks_differ'
    assert '86400.0 s before the clock of this node' in found.text
    assert '--clock' in found.text


def test_of_a_sender_that_ceased_nobody_knows_the_clock():
    clock = TfClock()
    assert problem(clock, 50.0, tf_ns=START_NS, image_ns=START_NS) is None
    off_ns = START_NS + 90 * SECOND_NS
    assert problem(clock, 52.0, tf_ns=START_NS, image_ns=off_ns).reason == 'clocks_differ'
    assert problem(clock, 57.0, tf_ns=START_NS, image_ns=off_ns) is None
    again = START_NS + 8 * SECOND_NS
    assert problem(clock, 58.0, tf_ns=again, image_ns=off_ns).reason == 'clocks_differ'


def test_without_images_there_is_nothing_to_compare():
    assert problem(TfClock(), 50.0, tf_ns=1, image_ns=START_NS, image_age_s=6.0) is None
