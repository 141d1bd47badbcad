"""Page server: the web server of the viewer, shut where viser leaves it open.

Of itself viser listens on all interfaces, takes the next port where one is in use, lets any
visitor open a tunnel to a server elsewhere, and takes websockets that pages of other sites open.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
from typing import Any
from urllib.parse import urlsplit

from vggt_ros.errors import ConfigError

DEFAULT_PORT = 8080
MAX_CLIENTS = 16
_LOOPBACK = ('127.0.0.1', 'localhost', '::1')
_TRY_AGAIN_LATER, _POLICY_VIOLATION = 1013, 1008
_log = logging.getLogger(__name__)


def imported_viser() -> Any:
    """Return viser.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import viser
    except ImportError as error:
        raise ConfigError(
            f"the viewer needs viser: pip install 'vggt_ros[view]' ({error})"
        ) from error
    return viser


def start_server(host: str, port: int, label: str) -> Any:
    """Return a `viser.ViserServer` that listens.

    Args:
        host: Address to listen on; anything but loopback lets the whole network in, and is
            warned of.
        port: 0 for a free one.
        label: Over the panel.

    Raises:
        ConfigError: viser is not installed, or that address cannot be listened on.
    """
    viser = imported_viser()
    check_free(host, port)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a box, and not the whole truth
        server = viser.ViserServer(host=host, port=port, label=label, verbose=False)
    if port and server.get_port() != port:  # another process was faster
        server.stop()
        raise ConfigError(_in_use(host, port))
    # Who comes and goes is not logged.
    logging.getLogger('websockets').setLevel(logging.WARNING)
    _disable_sharing(server)
    _guard(server, host)
    if host not in _LOOPBACK:
        _log.warning(
            'the page is on %s: whoever reaches that address sees the map and its images, '
            'without a password; on 127.0.0.1 (the default) it is reached through ssh -L',
            host,
        )
    return server


def check_free(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on now.

    Raises:
        ConfigError: It is in use, is none, or is not of this machine.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f'port {port} is not between 0 and 65535')
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise ConfigError(f'--host {host}: there is no such address ({error})') from error
        if error.errno in (98, 48):
            raise ConfigError(_in_use(host, port)) from error
        raise ConfigError(f'nothing can listen on {host}, port {port}: {error}') from error


def stop_server(server: Any) -> None:
    """End a server, without a word."""
    with contextlib.redirect_stdout(io.StringIO()):
        server.stop()


def address_of(server: Any) -> str:
    """Return the address of the page for a browser on this machine."""
    host = server.get_host()
    name = {'0.0.0.0': 'localhost', '::': 'localhost'}.get(host, host)
    name = f'[{name}]' if ':' in name else name
    return f'http://{name}:{server.get_port()}'


def _in_use(host: str, port: int) -> str:
    return (
        f'port {port} of {host} is in use, perhaps by another viewer; end that, or give another '
        f'one: --port {port % 65535 + 1}'
    )


def _disable_sharing(server: Any) -> None:
    """Take away what opens a tunnel to a server elsewhere: button, request and method."""
    from viser import _messages

    server.gui.main_panel.dock_right()  # the map is in the middle of what is left
    server.gui.configure_theme(
        dark_mode=True, show_logo=False, show_share_button=False, brand_color=(90, 170, 255)
    )
    handlers = server._websock_server
    for kind in (_messages.ShareUrlRequest, _messages.ShareUrlDisconnect):
        handlers.unregister_handler(kind)
        handlers.register_handler(kind, _refuse_sharing)
    server.request_share_url = _no_sharing


def _refuse_sharing(client_id: int, message: Any) -> None:
    _log.warning('a visitor asked for a public address of this page; there is none')


def _no_sharing(verbose: bool = True) -> None:
    return None


def _guard(server: Any, host: str) -> None:
    """Close websockets that pages of other sites open, and those beyond `MAX_CLIENTS`."""
    connections = server._websock_server._live_connections

    async def check(visitor: Any) -> None:
        connection = connections.get(visitor.client_id)
        if connection is None:
            return
        headers = connection.request.headers
        if not is_own_page(headers.get('Origin'), headers.get('Host', ''), host):
            _log.warning('a page of %s tried to open the viewer; refused', headers.get('Origin'))
            await connection.close(_POLICY_VIOLATION, 'not the viewer of this address')
        elif len(connections) > MAX_CLIENTS:
            _log.warning('more than %d visitors at a time; the last was refused', MAX_CLIENTS)
            await connection.close(_TRY_AGAIN_LATER, 'too many visitors')

    server._websock_server.on_client_connect(check)


def is_own_page(origin: str | None, asked_host: str, host: str) -> bool:
    """Return whether a websocket comes from the page of this server, or from no page at all.

    Args:
        origin: Of the page that opens it, as browsers tell; None from programs.
        asked_host: What it asked for: name, or name and port.
        host: What the server listens on. On loopback another name for it is refused, too: so no
            foreign name that leads here gets in.
    """
    name = urlsplit(f'//{asked_host}').hostname
    if host in _LOOPBACK and name not in _LOOPBACK:
        return False
    return origin is None or urlsplit(origin).netloc == asked_host
