import pytest

from benchmarks.viewer_frames import correct, fill, walls
from vggt_ros.viewer.browser_page import BrowserPage


def test_the_map_has_as_many_points_as_were_asked_for():
    tiles, places = walls(10_000, 10)
    assert sum(len(each.confidence) for each in tiles) == 10_000
    assert len(places) == 10


def test_a_correction_of_all_submaps_sends_no_point_again():
    pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")
    with BrowserPage('127.0.0.1', 0, 'test') as shown:
        places = fill(shown, 100_000, 10)
        assert correct(shown, places) == (900_000, 0)
        assert shown.page.num_corrections == 1
