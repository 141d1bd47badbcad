"""`vggt_ros view`: a map in a browser, a stored one or that of a running node."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
import signal
import sys
import threading
from types import FrameType
from typing import Any, NoReturn

from vggt_ros.errors import ConfigError
from vggt_ros.viewer.browser_page import BrowserPage
from vggt_ros.viewer.page_server import DEFAULT_PORT, imported_viser
from vggt_ros.viewer.saved_scene import read_saved_scene

_NODE_VIEWER = 'vggt_ros.ros.tools.viewer'
_AIM_PERIOD_S = 0.2
_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `view` to the subcommands of an argparse parser."""
    parser = commands.add_parser('view', help='show a map in a browser, stored or of a node')
    parser.add_argument(
        'path',
        nargs='?',
        type=Path,
        metavar='PATH',
        help='folder that `map` or ~/save_map wrote; without it, a running node is shown',
    )
    parser.add_argument('--node', default='/vggt', help='full name of the node that is shown')
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        help='address to listen on; others than the default let the network in',
    )
    parser.add_argument('--port', type=int, default=DEFAULT_PORT, help='0 takes a free one')
    parser.add_argument(
        '--control',
        action='store_true',
        help='buttons that reset, pause and save the node, for whoever opens the page',
    )
    parser.add_argument(
        '--tracks', action='store_true', help='show tracks, too; the node then computes them'
    )
    parser.add_argument(
        '--camera',
        type=int,
        default=-1,
        metavar='N',
        help='of a node with several cameras, the one whose images are shown',
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show a map until Ctrl-C; return the exit code.

    Raises:
        ConfigError: viser is missing, the port is in use, or an option makes no sense.
        SessionError: There is no map at the path.
    """
    imported_viser()
    if options.path is None:
        _view_node(options)
    if options.control or options.tracks:
        raise ConfigError('--control and --tracks are for a running node: leave PATH out')
    _view_saved(options.path, options.host, options.port)
    return 0


def _view_saved(path: Path, host: str, port: int) -> None:
    scene = read_saved_scene(path)
    ended = threading.Event()
    with BrowserPage(host, port, scene.name) as shown:
        scene.put_on(shown.page)
        shown.panel.show_state(scene.facts)
        if len(scene.stamps_ns) > 1:
            shown.panel.add_time(scene.stamps_ns)
        image = shown.page.newest_image()
        if image is not None:
            shown.panel.show_picture('image', image)
        shown.aim()
        _log.info('%s is shown at %s until Ctrl-C', path, shown.address)
        before = {each: _end_on(each, ended) for each in (signal.SIGINT, signal.SIGTERM)}
        while not ended.wait(_AIM_PERIOD_S):
            shown.aim()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_on(number: signal.Signals, ended: threading.Event) -> Any:
    def end(received: int, frame: FrameType | None) -> None:
        ended.set()

    if threading.current_thread() is threading.main_thread():
        return signal.signal(number, end)
    return signal.SIG_DFL


def _view_node(options: argparse.Namespace) -> NoReturn:
    """Show a node by a process that has ROS."""
    parameters = {
        'prefix': options.node,
        'host': options.host,
        'port': str(options.port),
        'control': str(options.control).lower(),
        'tracks': str(options.tracks).lower(),
        'camera': str(options.camera),
    }
    words = [sys.executable, '-m', _NODE_VIEWER, '--ros-args']
    for name, value in parameters.items():
        words += ['-p', f'{name}:={value}']
    sys.stdout.flush()
    # In place of this process: signals reach the one that listens, and nothing is left behind.
    os.execv(words[0], words)
