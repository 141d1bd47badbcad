from dataclasses import replace

import pytest

from vggt_ros.ros.middleware import loss_report
from vggt_ros.ros.middleware.loss_report import Link, loss_line, Losses, LossMeter

PERIOD_NS = 100_000_000
LOST = Losses(num_received=20, num_missing=9, num_reported=10, num_bytes=2_764_800)
RELIABLE = Link(is_offered_reliable=True, is_asked_reliable=True, is_local=True)
BEST_EFFORT = Link(is_offered_reliable=False, is_asked_reliable=False, is_local=True)


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def test_a_stream_that_is_whole_has_no_line():
    meter = LossMeter(clock=Clock())
    for number in range(100):
        meter.receive(number * PERIOD_NS, 10)
    losses = meter.losses()
    assert losses == Losses(num_received=100, num_missing=0, num_reported=0, num_bytes=10)
    assert losses.share == 0.0
    assert LOST.share == 10 / 30
    assert loss_line('/image', losses, RELIABLE) == ''


def test_what_is_lost_is_counted_for_ten_seconds():
    clock = Clock()
    meter = LossMeter(clock=clock)
    for number in range(40):
        if number not in (20, 21, 30):
            meter.receive(number * PERIOD_NS, 10)
    meter.report(1)
    assert meter.losses().num_missing == 3
    assert meter.losses().num_reported == 1
    assert meter.losses().num_lost == 3
    for second in range(1, 12):
        clock.now_s = float(second)
        last = meter.losses()
    assert (last.num_lost, last.num_received) == (0, 0)


def test_a_line_says_how_many_of_which_size():
    line = loss_line('/image', LOST, BEST_EFFORT)
    assert line.startswith('/image: 10 of 30 messages (2.8 MB) of the last 10 s are lost: ')


@pytest.mark.parametrize('lost', [1, 9])
def test_a_message_now_and_then_is_no_news(lost):
    few = Losses(num_received=1000, num_missing=lost, num_reported=0, num_bytes=1)
    assert loss_line('/image', few, RELIABLE) == ''


@pytest.mark.parametrize(
    ('losses', 'link', 'words'),
    [
        (LOST, replace(RELIABLE, is_asked_reliable=False), ['set it to auto']),
        (replace(LOST, num_reported=0), RELIABLE, ['input.qos_depth', 'ros2 topic hz']),
        (LOST, BEST_EFFORT, ['FASTDDS_DEFAULT_PROFILES_FILE', 'let it be reliable']),
        (LOST, replace(BEST_EFFORT, is_local=None), ['FASTDDS_DEFAULT_PROFILES_FILE']),
        (LOST, RELIABLE, ['queue of 10 or more', 'FASTDDS_DEFAULT_PROFILES_FILE']),
        (
            LOST,
            replace(BEST_EFFORT, is_local=False),
            ['compressed', 'net.core.rmem_max is 212992', 'reliable'],
        ),
    ],
)
def test_the_remedy_fits_the_cause(monkeypatch, tmp_path, losses, link, words):
    limit = tmp_path / 'rmem_max'
    limit.write_text('212992\n')
    monkeypatch.setattr(loss_report, 'SOCKET_LIMIT', limit)
    line = loss_line('/image', losses, link)
    assert all(word in line for word in words), line


def test_where_nothing_came_the_size_is_not_known():
    none = replace(LOST, num_received=0, num_bytes=0)
    assert '(unknown size)' in loss_line('/image', none, BEST_EFFORT)


def test_what_can_not_be_compressed_is_not_advised_to_be():
    far = Link(
        is_offered_reliable=True, is_asked_reliable=True, is_local=False, is_compressible=False
    )
    line = loss_line('/depth', LOST, far)
    assert 'compressed' not in line
    assert 'send smaller or fewer images' in line
