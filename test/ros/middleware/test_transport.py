import pytest

from vggt_ros.ros.middleware.transport import choose_transport


@pytest.mark.parametrize(
    ('setting', 'current', 'num_raw', 'num_compressed', 'expected'),
    [
        ('auto', '', 0, 0, 'raw'),
        ('auto', '', 1, 1, 'raw'),
        ('auto', '', 0, 1, 'compressed'),
        ('auto', 'compressed', 1, 1, 'compressed'),
        ('auto', 'compressed', 1, 0, 'raw'),
        ('auto', 'compressed', 0, 0, 'compressed'),
        ('auto', 'raw', 0, 2, 'compressed'),
        ('raw', 'raw', 0, 1, 'raw'),
        ('compressed', '', 1, 0, 'compressed'),
    ],
)
def test_what_has_a_publisher_is_read(setting, current, num_raw, num_compressed, expected):
    found = choose_transport(setting, current, num_raw=num_raw, num_compressed=num_compressed)
    assert found == expected
