from vggt_ros.ros.input.problem import by_cause, Cause, Problem, problem_values, problems_of


def problem(cause, text='it is so', about=''):
    return Problem(cause=cause, text=text, about=about)


def test_causes_come_before_what_follows_from_them():
    """What stops everything, clocks, content, moments, transforms, scale, numbers."""
    order = (
        *('NODE', 'ERROR', 'INACTIVE', 'TOPIC', 'CLOCK', 'SILENCE', 'PUBLISHERS', 'IMAGES'),
        *('SIGHT', 'LOSS', 'SYNC', 'NETWORK', 'CONFLICT', 'ODOMETRY', 'SCALE', 'QUALITY'),
    )
    found = by_cause(problem(Cause[name]) for name in reversed(order))
    assert tuple(each.cause.name for each in found) == order
    equals = [problem(Cause.TOPIC, text) for text in ('b', 'a')]
    assert by_cause(equals) == equals, 'the order of those of one kind is kept'


def test_problems_are_read_as_they_were_written():
    written = [problem(Cause.CLOCK, 'no /clock: time 0'), problem(Cause.SYNC, 'camera 1: apart')]
    values = problem_values(written)
    assert values['problem_0'] == 'clock: no /clock: time 0'
    assert problems_of({'state': 'tracking', **values}) == written
    assert problems_of({'problem_0': 'weather: it rains'}) == [problem(Cause.QUALITY, 'it rains')]


def test_who_tells_of_the_same_topic_or_camera_tells_the_same():
    seen = problem(Cause.TOPIC, 'nothing on /cam/image for 1 s', about='/cam/image')
    assert seen.is_told_by(problem(Cause.TOPIC, 'nothing on /cam/image for 9 s'))
    assert not seen.is_told_by(problem(Cause.TOPIC, 'nothing on /cam/image_raw for 9 s'))
    assert not seen.is_told_by(problem(Cause.LOSS, '/cam/image: 3 lost'))
    assert problem(Cause.NODE).is_told_by(problem(Cause.NODE))
    assert not problem(Cause.NODE).is_told_by(problem(Cause.NODE, 'another'))
