import socket

import numpy as np
import pytest

from vggt_ros.viewer.browser_page import BrowserPage
from vggt_ros.viewer.camera_layer import SeenFrame

pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")
GREEN = (10, 235, 20)


def is_green(r, g, b):
    return (g > 120) & (r < 80) & (b < 80)


def is_bluish(r, g, b):
    return (b > 90) & (r < 80) & (g < 120)


@pytest.fixture
def shown(make_tile, at):
    """A page with a green square before the eye, and a camera."""
    with BrowserPage('127.0.0.1', 0, 'test') as browser:
        browser.page.put_places({1: at(0, 0, 0)})
        browser.page.put_tiles([make_tile(1, count=2500, color=GREEN)])
        browser.page.put_path(np.arange(1), np.eye(4)[None])
        browser.page.draw()
        browser.aim()
        yield browser


def test_points_arrive_and_a_correction_moves_them(shown, visit, at):
    visited = visit(shown.address)
    before = visited.where(is_green)
    assert before is not None, 'no green in the page'
    bytes_before = shown.page.num_sent_bytes
    shown.page.put_places({1: at(0, -0.4, 0)})  # to the right, seen along x
    for _ in range(40):
        visited.page.wait_for_timeout(250)
        after = visited.where(is_green)
        if after and after[0] > before[0] + 20:
            break
    assert after[0] > before[0] + 20
    assert abs(after[1] - before[1]) < 20
    assert shown.page.num_sent_bytes == bytes_before
    assert not visited.errors


def test_buttons_and_choices_do_what_they_say(shown, visit):
    pressed = []

    def act():
        pressed.append('save')
        return 'the map is in a folder'

    shown.panel.add_actions({'save map': act})
    shown.panel.show_state({'state': 'tracking', 'note': '<b>no_tags</b> | *none*'})
    visited = visit(shown.address)
    assert visited.where(is_green)
    visited.press('save map')
    visited.page.get_by_text('the map is in a folder').wait_for(timeout=15_000)
    assert pressed == ['save']
    assert visited.page.get_by_text('<b>no_tags</b> | *none*').count() == 1
    clients = list(shown._server.get_clients().values())
    visited.press('from above')
    for _ in range(60):
        visited.page.wait_for_timeout(100)
        if clients[0].camera.position[2] > 1.1:
            break
    assert clients[0].camera.position[2] > 1.1
    visited.press('whole map')
    visited.page.get_by_role('combobox', name='color by').click()
    visited.page.get_by_role('option', name='age', exact=True).click()
    assert visited.where(is_bluish) is not None, 'not colored by age'
    assert shown.page.settings.coloring == 'age'
    assert not visited.errors


def test_pictures_and_downloads_come(shown, visit):
    shown.panel.show_picture('depth', np.full((48, 64, 3), 200, np.uint8))
    visited = visit(shown.address)
    assert visited.where(is_green)
    visited.page.get_by_text('depth', exact=True).wait_for(timeout=15_000)
    visited.page.get_by_text('Files', exact=True).click()
    for label, head in (('screenshot', b'\x89PNG'), ('page as one file', b'<!')):
        with visited.page.expect_download(timeout=30_000) as download:
            visited.press(label)
        content = download.value.path().read_bytes()
        assert content.lstrip()[: len(head)].lower() == head.lower()
    assert not visited.errors


def test_a_page_without_points_waits_for_them(visit, make_tile, at):
    with BrowserPage('127.0.0.1', 0, 'empty') as browser:
        browser.aim()
        visited = visit(browser.address)
        visited.page.get_by_text('nothing yet').wait_for(timeout=15_000)
        browser.page.put_places({1: at(0, 0, 0)})
        browser.page.put_tiles([make_tile(1, count=2500, color=GREEN)])
        for _ in range(20):
            browser.aim()
            visited.page.wait_for_timeout(100)
        assert visited.where(is_green)
        assert not visited.errors


def test_following_keeps_the_eye_behind_the_camera(shown, visit):
    visited = visit(shown.address)
    assert visited.where(is_green)
    shown.panel.follow.value = True
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]  # along x
    pose[:3, 3] = 5.0, 0, 0
    shown.page.put_path(np.arange(1), pose[None])
    shown.page.put_image(SeenFrame(stamp_ns=0, image=np.zeros((24, 32, 3), np.uint8), fov_rad=1.0))
    shown.aim()
    client = next(iter(shown._server.get_clients().values()))
    for _ in range(50):
        visited.page.wait_for_timeout(100)
        if client.camera.position[0] > 3.0:
            break
    assert 3.0 < client.camera.position[0] < 5.0
    assert client.camera.look_at[0] > 5.0


def test_the_port_is_free_again_when_the_page_is_closed():
    with BrowserPage('127.0.0.1', 0, 'test') as browser:
        port = int(browser.address.rpartition(':')[2])
        with pytest.raises(OSError), socket.create_server(('127.0.0.1', port)):
            pass
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(('127.0.0.1', port))
