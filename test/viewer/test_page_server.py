import logging
import socket
import sys
import threading
import time

import numpy as np
import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.viewer import page_server
from vggt_ros.viewer.page_server import address_of, imported_viser, is_own_page, start_server

viser = pytest.importorskip('viser', reason="viser is not installed: pip install 'vggt_ros[view]'")
client = pytest.importorskip('websockets.sync.client')
ConnectionClosed = pytest.importorskip('websockets.exceptions').ConnectionClosed
SUBPROTOCOL = f'viser-v{viser.__version__}'


def connect(server, **headers):
    address = f'ws://127.0.0.1:{server.get_port()}'
    return client.connect(
        address,
        subprotocols=[SUBPROTOCOL],
        max_size=None,
        compression=None,
        additional_headers=headers,
    )


def heard(connection, seconds=1.0):
    """All bytes that come until nothing has for a moment."""
    parts = []
    try:
        while True:
            parts.append(connection.recv(timeout=seconds))
    except TimeoutError:
        return b''.join(parts)


def test_only_this_machine_can_connect(server):
    port = server.get_port()
    assert server.get_host() == '127.0.0.1'
    assert address_of(server) == f'http://127.0.0.1:{port}'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(('192.0.2.1', 9))  # nothing is sent
        except OSError:
            pytest.skip('this machine has no other address than loopback')
        outside = probe.getsockname()[0]
    if outside.startswith('127.'):
        pytest.skip('this machine has no other address than loopback')
    with pytest.raises(OSError):
        socket.create_connection((outside, port), timeout=2).close()


def test_who_comes_late_gets_what_was_drawn_before(server):
    points = np.arange(12, dtype=np.float16).reshape(4, 3)
    server.scene.add_point_cloud('/early', points, np.full((4, 3), 77, np.uint8))
    with connect(server) as connection:
        assert points.tobytes() in heard(connection)


def test_a_request_to_share_the_page_opens_nothing(server, monkeypatch, caplog):
    opened = []
    monkeypatch.setattr('viser._viser.ViserTunnel', lambda *words: opened.append(words))
    with connect(server) as connection, caplog.at_level(logging.WARNING):
        for kind in (b'ShareUrlRequest', b'ShareUrlDisconnect'):
            # A map of one text in MessagePack.
            connection.send(b'\x81\xa4type' + bytes([0xA0 | len(kind)]) + kind)
        said = heard(connection)
    assert 'asked for a public address' in caplog.text
    assert not opened and server._share_tunnel is None
    assert b'share.viser' not in said
    assert server.request_share_url() is None


def test_a_port_in_use_is_refused_by_a_sentence(server):
    port = server.get_port()
    with pytest.raises(
        ConfigError, match=f'port {port} of 127.0.0.1 is in use.*--port {port + 1}'
    ):
        start_server('127.0.0.1', port, 'second')


@pytest.mark.parametrize(
    ('host', 'port', 'words'),
    [
        ('127.0.0.1', 70_000, 'port 70000 is not between 0 and 65535'),
        ('no.such.host.invalid', 0, 'there is no such address'),
        ('192.0.2.7', 0, 'nothing can listen on 192.0.2.7'),
    ],
)
def test_an_address_that_cannot_be_is_refused(host, port, words):
    with pytest.raises(ConfigError, match=words):
        start_server(host, port, 'test')


def test_the_network_is_let_in_with_a_warning_only(caplog):
    with caplog.at_level(logging.WARNING):
        server = start_server('0.0.0.0', 0, 'open')
    assert 'whoever reaches that address' in caplog.text
    assert address_of(server).startswith('http://localhost:')
    server.stop()


def test_a_page_of_another_site_is_sent_away(server, caplog):
    server.scene.add_point_cloud('/secret', np.ones((4, 3)), np.full((4, 3), 77, np.uint8))
    caplog.set_level(logging.WARNING)
    with (
        connect(server, Origin='http://evil.test') as visitor,
        pytest.raises(ConnectionClosed),
    ):
        while True:
            assert b'secret' not in visitor.recv(timeout=5)
    assert 'a page of http://evil.test tried to open the viewer' in caplog.text


def test_more_visitors_than_it_can_serve_are_sent_away(server, monkeypatch):
    monkeypatch.setattr(page_server, 'MAX_CLIENTS', 1)
    with connect(server) as first:
        heard(first)
        with connect(server) as second, pytest.raises(ConnectionClosed):
            while True:
                second.recv(timeout=5)


@pytest.mark.parametrize(
    ('origin', 'asked', 'host', 'is_own'),
    [
        ('http://localhost:8080', 'localhost:8080', '127.0.0.1', True),
        ('http://127.0.0.1:9000', '127.0.0.1:9000', '127.0.0.1', True),  # through ssh -L
        (None, '127.0.0.1:8080', '127.0.0.1', True),
        ('http://evil.test', 'localhost:8080', '127.0.0.1', False),
        ('http://evil.test:8080', 'evil.test:8080', '127.0.0.1', False),
        ('http://robot:8080', 'robot:8080', '0.0.0.0', True),
        ('http://evil.test', 'robot:8080', '0.0.0.0', False),
        ('null', 'localhost:8080', '127.0.0.1', False),
    ],
)
def test_pages_of_other_sites_are_recognized(origin, asked, host, is_own):
    assert is_own_page(origin, asked, host) is is_own


def test_a_missing_viser_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, 'viser', None)
    with pytest.raises(ConfigError, match=r"pip install 'vggt_ros\[view\]'"):
        imported_viser()


def test_twenty_visits_leave_no_threads(server):
    with connect(server) as connection:
        heard(connection, 0.2)
    before = threading.active_count()
    for _ in range(20):
        with connect(server) as connection:
            connection.recv(timeout=5)
    deadline = time.monotonic() + 10
    while server._websock_server._live_connections and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not server._websock_server._live_connections
    assert threading.active_count() <= before + 1
