import pytest

from vggt_ros.cli.no_result import why_nothing


@pytest.mark.parametrize(
    ('diagnostics', 'expected'),
    [
        ({}, 'the node said nothing'),
        ({'frames_in': '0', 'state': 'waiting'}, 'no image reached the node, which is waiting'),
        (
            {
                'frames_in': '5',
                'dropped.late': '0',
                'dropped.not_keyframe': '4',
                'no_window': 'too dark',
            },
            '5 images reached the node; 4 were dropped as not_keyframe (the camera hardly moved '
            'between them); too dark',
        ),
        (
            {'frames_in': '2', 'dropped.odd': '2', 'error': 'the images confirm none'},
            '2 images reached the node; 2 were dropped as odd; the images confirm none',
        ),
        (
            {'frames_in': '1', 'frames_pending': '1'},
            '1 images reached the node; one waits for a second that differs enough: one view '
            'makes no map',
        ),
    ],
)
def test_what_happened_to_the_images_is_told(diagnostics, expected):
    assert why_nothing(diagnostics) == expected
