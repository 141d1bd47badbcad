from vggt_ros.ros.middleware.throttled_log import ThrottledLog


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def test_a_reason_is_written_once_a_period_with_the_number_held_back():
    lines, clock = [], Clock()
    log = ThrottledLog(lines.append, period_s=5.0, clock=clock)
    for _ in range(4):
        log.log('bad_step', 'step is 3')
    clock.now_s += 5.0
    log.log('bad_step', 'step is 4')
    assert lines == [
        'bad_step: step is 3',
        'bad_step: step is 4 (3 more like this since the last message)',
    ]


def test_one_reason_does_not_hide_another():
    lines = []
    log = ThrottledLog(lines.append, clock=Clock())
    log.log('bad_step', 'a')
    log.log('stamp_zero', 'b')
    assert lines == ['bad_step: a', 'stamp_zero: b']


def test_what_strangers_wrote_stays_in_its_line():
    lines = []
    ThrottledLog(lines.append).log('bad', 'name\n[FATAL] fake \x1b[31m' + 'x' * 1_000_000)
    assert lines[0].startswith('bad: name\\n[FATAL] fake \\x1b[31mxxx')
    assert len(lines[0]) <= 2000
