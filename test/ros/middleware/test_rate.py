from vggt_ros.ros.middleware.rate import Rate


def test_a_single_count_is_no_rate():
    assert Rate().update(5.0, 7) == 0.0


def test_the_rate_is_events_over_time():
    rate = Rate()
    rate.update(5.0, 10)
    assert rate.update(7.0, 16) == 3.0


def test_what_is_long_ago_is_forgotten():
    rate = Rate()
    for second in range(20):
        rate.update(float(second), 100 * second)
    for second in range(20, 40):
        newest = rate.update(float(second), 1900 + second - 20)
    assert newest == 1.0
