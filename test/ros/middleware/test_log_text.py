import pytest

from vggt_ros.ros.middleware.log_text import one_line


def test_a_usual_name_is_left_alone():
    assert one_line('front_camera_optical, größer') == 'front_camera_optical, größer'


@pytest.mark.parametrize(
    ('text', 'shown'),
    [('a\nb', 'a\\nb'), ('\x1b[31mred', '\\x1b[31mred'), ('\u2028', '\\u2028'), ('\r', '\\r')],
)
def test_what_would_end_the_line_or_paint_it_is_escaped(text, shown):
    assert one_line(text) == shown


@pytest.mark.parametrize('text', ['x' * 1_000_000, '\n' * 1_000_000, '\U0001f4f7' * 201])
def test_what_is_long_is_cut(text):
    assert len(one_line(text)) == 200
    assert one_line(text).endswith('...')
