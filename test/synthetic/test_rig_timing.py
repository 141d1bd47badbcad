from vggt_ros.synthetic.rig_timing import possible_sets, RigTiming

PERIOD_NS = 100_000_000


def arrivals(num_moments=200, num_cameras=3, **timing):
    return RigTiming(**timing).arrivals(
        num_moments, num_cameras, start_ns=10**15, period_ns=PERIOD_NS, seed=4
    )


def test_without_drops_everything_arrives_in_the_order_of_each_camera():
    found = arrivals()
    assert len(found) == 600
    for camera in range(3):
        stamps_ns = [each.stamp_ns for each in found if each.camera == camera]
        assert stamps_ns == sorted(stamps_ns)
    cameras = [each.camera for each in found]
    assert cameras != sorted(cameras)
    assert found == arrivals(), 'the same seed, the same arrivals'


def test_stamps_are_off_by_half_of_the_jitter_at_most():
    off_ns = [each.stamp_ns - 10**15 - each.moment * PERIOD_NS for each in arrivals(jitter_s=0.01)]
    assert -5_000_000 <= min(off_ns) < -3_000_000
    assert 3_000_000 < max(off_ns) <= 5_000_000


def test_a_dead_camera_is_silent_for_a_while():
    moments = {each.moment for each in arrivals(dead_camera=1) if each.camera == 1}
    assert moments == set(range(200)) - set(range(80, 120))


def test_possible_sets_have_enough_cameras():
    found = arrivals(dead_camera=1)
    assert possible_sets(found, 3) == set(range(200)) - set(range(80, 120))
    assert possible_sets(found, 2) == set(range(200))
    share = len(arrivals(dropped=0.2)) / 600
    assert 0.75 < share < 0.85


def test_the_stamps_of_a_late_camera_are_late_and_it_arrives_as_before():
    late = arrivals(late_camera=1, late_s=0.08)
    plain = {(each.camera, each.moment): each.stamp_ns for each in arrivals()}
    for each in late:
        late_ns = each.stamp_ns - plain[each.camera, each.moment]
        assert late_ns == (80_000_000 if each.camera == 1 else 0)
