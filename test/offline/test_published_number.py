import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.published_number import published_numbers

NUMBER = {
    'name': 'Other-SLAM',
    'value': 0.031,
    'source': 'its paper, table 2',
    'metric': 'ate_sim3_m',
    'protocol': {'frames': 'all', 'every': 2},
}


def test_a_number_stands_beside_runs_of_the_same_protocol_only():
    (number,) = published_numbers([NUMBER], 'x')
    assert number.value == 0.031
    assert number.why_not({'every': 2}) == ''
    assert number.why_not({'every': 2, 'topics': ('/a',)}) == ''
    assert number.why_not({}) == 'every is 2 there and 1 here'
    assert number.why_not({'every': 2, 'stop_s': 9.0}) == 'stop is None there and 9.0 here'
    told = NUMBER | {'protocol': {'frames': 'keyframes'}}
    assert 'over keyframes' in published_numbers([told], 'x')[0].why_not({})


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        ({'source': ' '}, 'has no source; say where Other-SLAM is published'),
        ({'value': 'about 3'}, 'it must be a number'),
        ({'metric': 'ate'}, "no metric 'ate'; it is ate_sim3_m"),
        ({'protocol': {}}, '`frames: all` or'),
        ({'protocol': {'frames': 'all', 'step': 2}}, 'known are frames, start, stop, every'),
        ({'extra': 1}, 'must have name, value, source, metric, protocol'),
    ],
)
def test_a_number_that_is_not_said_in_full_is_refused(change, match):
    with pytest.raises(ConfigError, match=match):
        published_numbers([NUMBER | change], 'x')
    with pytest.raises(ConfigError, match='must be a list'):
        published_numbers(3, 'x')


def test_nothing_published_is_nothing():
    assert published_numbers(None, 'x') == ()
