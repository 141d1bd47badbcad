from types import SimpleNamespace

import numpy as np
import pytest

from vggt_ros.viewer.map_page import MapPage
from vggt_ros.viewer.number_history import NumberHistory
from vggt_ros.viewer.panel import Panel, summary
from vggt_ros.viewer.viser_canvas import ViserCanvas

pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")


@pytest.fixture
def page(server):
    return MapPage(ViserCanvas(server))


@pytest.fixture
def panel(server, page):
    return Panel(server, page, 'test')


def control(server, label):
    """The element with a label."""
    handles = server.gui._gui_input_handle_from_uuid.values()
    return next(each for each in handles if getattr(each, 'label', None) == label)


def move(server, label, value):
    """Change a control as a visitor does."""
    handle = control(server, label)
    handle.value = value
    for callback in handle._impl.update_cb:
        callback(SimpleNamespace(client=None, client_id=None, target=handle))


def test_choices_become_settings(server, page, panel, make_tile, at):
    page.put_places({1: at(0, 0, 0)})
    page.put_tiles([make_tile(1)])
    move(server, 'color by', 'height')
    move(server, 'point size', 2)
    move(server, 'hide least sure %', 20)
    move(server, 'million points', 0.5)
    settings = page.settings
    assert (settings.coloring, settings.point_size) == ('height', 2.0)
    assert (settings.min_confidence_percent, settings.max_points) == (20.0, 500_000)
    assert settings.max_height == float('inf')
    move(server, 'height %', 50)
    low, high = page.heights
    assert page.settings.max_height == pytest.approx((low + high) / 2)


def test_there_are_no_buttons_of_control_unless_they_are_added(server, panel):
    labels = {each.label for each in server.gui._gui_input_handle_from_uuid.values()}
    assert not labels & {'reset', 'pause', 'save map'}
    panel.add_actions({'reset': lambda: 'done'})
    assert control(server, 'reset')


def test_the_slider_of_time_ends_at_now(server, page, panel):
    stamps_ns = np.array([5, 7, 15]) * 10**9
    panel.add_time(stamps_ns)
    move(server, 'seconds', 4.0)
    assert page.settings.until_ns == 9 * 10**9
    move(server, 'seconds', 10.0)
    assert page.settings.until_ns is None


def test_a_plot_follows_its_history(server, panel):
    history = NumberHistory(('a',), 10)
    panel.add_plot('numbers', history)
    panel.refresh_plots()
    history.add(1.0, {'a': '3'})
    history.add(2.0, {'a': '4'})
    panel.refresh_plots()
    handle = panel._plots[0][0]
    np.testing.assert_array_equal(handle.data[1], [3, 4])


def test_pictures_replace_each_other(server, panel):
    panel.show_picture('depth', np.zeros((48, 64, 3), np.uint8))
    panel.show_picture('depth', np.full((48, 64, 3), 9, np.uint8))
    assert list(panel._pictures) == ['depth']
    assert panel._pictures['depth'].image.max() == 9


def test_lines_that_say_nothing_are_left_out():
    assert summary([('a', 'x'), ('b', '')]) == {'a': 'x'}
