"""`vggt_ros demo`: player, node and recorder over real middleware, then pictures and numbers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
import json
import logging
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any
import webbrowser

from tqdm import tqdm

from vggt_ros.cli.no_result import why_nothing
from vggt_ros.cli.process_group import ProcessGroup
from vggt_ros.cli.ros_domain import claim_domain
from vggt_ros.errors import SourceError, VggtRosError
from vggt_ros.evaluation.recording import Recording
from vggt_ros.evaluation.report import report_text, write_report
from vggt_ros.evaluation.truth import Truth, truth_of_walk
from vggt_ros.sources.open import open_source, SYNTHETIC
from vggt_ros.sources.source import Source
from vggt_ros.synthetic.sequence import SyntheticSequence
from vggt_ros.viewer.page_server import check_free, DEFAULT_PORT, imported_viser

_NODE_READY_S = 900.0  # weights may have to be downloaded
_STALL_S = 60.0  # without any new output after the last image
_POLL_S = 0.1
_HOST = '127.0.0.1'
_PAGE = f'http://{_HOST}:{DEFAULT_PORT}'
_PAGE_READY_S = 5.0
_SETTLE_S = 4.0  # longer than window.max_wait, so that the last short window runs, too
_log = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add `demo` to the subcommands of an argparse parser."""
    parser = commands.add_parser(
        'demo', help='run the node on a camera stream and show what it publishes'
    )
    parser.add_argument(
        '--input',
        default='synthetic',
        metavar='PATH',
        help='folder of images, video file, or "synthetic" for a walk through a made-up room',
    )
    parser.add_argument(
        '--checkpoint', default='nano', metavar='ID', help='nano, a hub id, or a weights file'
    )
    parser.add_argument('--output', type=Path, default=Path('demo_output'), metavar='DIR')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument(
        '--rate',
        type=float,
        default=None,
        metavar='HZ',
        help='images sent a second; by default that of the video, 10 for the others',
    )
    parser.add_argument(
        '--frames', type=int, default=None, metavar='N', help='stop after so many images'
    )
    parser.add_argument(
        '--view',
        action='store_true',
        help='show the map in a browser while it grows, and afterwards until Ctrl-C',
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demo; return 0 if the node published something.

    Writes to the output folder: overview.png, map.ply, trajectory.txt, summary.json, the
    recording they were made from and the logs of the three processes. With `--view` there is a
    fourth, and this returns when it is told to end.

    Raises:
        VggtRosError: The input cannot be read, a process died, or nothing was received.
    """
    started = time.monotonic()
    source = open_source(options.input, rate_hz=options.rate, num_frames=options.frames)
    if source.num_frames == 1:
        raise SourceError(f'{options.input} is one image, and one view makes no map; give more')
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    environment = _environment()
    with ProcessGroup(output, environment) as group:
        viewer = _start_viewer(group) if options.view else None
        _make_report(options, source, environment, started)
        if viewer is not None and viewer.poll() is None:
            _log.info('the map stays at %s until Ctrl-C', _PAGE)
            viewer.wait()
    return 0


def _make_report(
    options: argparse.Namespace, source: Source, environment: dict[str, str], started: float
) -> None:
    output: Path = options.output
    recording_path = output / 'recording.npz'
    recording_path.unlink(missing_ok=True)
    _run_processes(options, source, recording_path, environment)
    if not recording_path.exists():
        raise VggtRosError(f'the recorder wrote nothing; {output / "recorder.log"} says why')
    recording = Recording.load(recording_path)
    if not recording.frames or not len(recording.stamps_ns):
        raise VggtRosError(
            f'no result after {time.monotonic() - started:.0f} s: '
            f'{why_nothing(recording.diagnostics)} (see {output / "node.log"} and '
            f'{output / "player.log"})'
        )
    truth = _truth(options.input, source, recording)
    summary = write_report(recording, output, source_name=options.input, truth=truth)
    summary['wall_s'] = round(time.monotonic() - started, 1)
    (output / 'summary.json').write_text(json.dumps(summary, indent=2) + '\n')
    _log.info('%s\nsee %s', report_text(summary), output / 'overview.png')


def _start_viewer(group: ProcessGroup) -> subprocess.Popen[str]:
    """Start the page, and open it where there is a screen; a port in use is refused at once."""
    imported_viser()
    check_free(_HOST, DEFAULT_PORT)
    viewer = group.start('viewer', 'vggt_ros.ros.tools.viewer', [])
    _log.info('the map grows at %s', _PAGE)
    if os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'):
        threading.Timer(_PAGE_READY_S, webbrowser.open, (_PAGE,)).start()
    return viewer


def _truth(name: str, source: Source, recording: Recording) -> Truth | None:
    if name != SYNTHETIC or source.num_frames is None or source.rate_hz is None:
        return None
    walk = SyntheticSequence(num_frames=source.num_frames, rate_hz=source.rate_hz)
    return truth_of_walk(recording, walk)


def _run_processes(
    options: argparse.Namespace,
    source: Source,
    recording_path: Path,
    environment: dict[str, str],
) -> None:
    with ProcessGroup(options.output, environment) as group:
        recorder = group.start(
            'recorder',
            'vggt_ros.ros.tools.recorder',
            ['--ros-args', '-p', f'output:={recording_path}'],
            piped=True,
        )
        node = group.start('node', 'vggt_ros.ros.node', _node_arguments(options))
        player = group.start(
            'player', 'vggt_ros.ros.tools.camera_player', _player_arguments(options)
        )
        progress = _Progress(recorder)
        with _bar(source) as bar:
            _watch(group, {'node': node, 'recorder': recorder}, player, progress, bar)
        group.stop('recorder')
        progress.wait()
        group.stop('node')


def _node_arguments(options: argparse.Namespace) -> list[str]:
    return [
        '--ros-args',
        *('-r', 'image:=/camera/image_raw', '-r', 'camera_info:=/camera/camera_info'),
        *('-p', f'model.checkpoint:={options.checkpoint}'),
        *('-p', f'model.device:={options.device}'),
        *('-p', 'map.publish_rate:=2.0'),
    ]


def _player_arguments(options: argparse.Namespace) -> list[str]:
    return [
        '--ros-args',
        *('-p', f'input:={options.input}'),
        *('-p', f'rate:={float(options.rate or 0.0)}'),
        *('-p', f'num_frames:={options.frames or 0}'),
        # The node subscribes when its weights are loaded.
        *('-p', 'wait_for_subscribers:=1', '-p', f'wait_timeout:={_NODE_READY_S}'),
    ]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    # Alone on the machine unless the caller chose a domain: a demo must not talk to a robot.
    if 'ROS_DOMAIN_ID' not in environment:
        environment['ROS_DOMAIN_ID'] = str(claim_domain())
    if environment.get('ROS_DISTRO') == 'humble':
        environment.setdefault('ROS_LOCALHOST_ONLY', '1')
    else:
        environment.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    environment['PYTHONUNBUFFERED'] = '1'
    return environment


class _Progress:
    """The newest line the recorder printed, read by a thread of its own."""

    def __init__(self, recorder: subprocess.Popen[str]) -> None:
        self.newest: dict[str, Any] = {'poses': 0, 'messages': 0, 'diagnostics': {}}
        assert recorder.stdout is not None, 'the recorder is piped'
        self._lines = recorder.stdout
        self._thread = threading.Thread(target=self._read, name='progress', daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when the recorder has closed its output."""
        self._thread.join()

    def _read(self) -> None:
        with self._lines:
            for line in self._lines:
                self.newest = json.loads(line)


@contextmanager
def _bar(source: Source) -> Iterator[tqdm[Any]]:
    # A log file gets a line now and then, a terminal a bar that moves.
    period_s = 0.2 if sys.stderr.isatty() else 5.0
    with tqdm(total=source.num_frames, unit='image', desc='starting', mininterval=period_s) as bar:
        yield bar


def _watch(
    group: ProcessGroup,
    needed: dict[str, subprocess.Popen[str]],
    player: subprocess.Popen[str],
    progress: _Progress,
    bar: tqdm[Any],
) -> None:
    """Follow the run until the player is done and the node has nothing left to do."""
    last_change = time.monotonic()
    last_poses = -1
    while True:
        for name, child in needed.items():
            if child.poll() is not None:
                raise VggtRosError(
                    f'the {name} ended with exit code {child.returncode}; its last words were:\n'
                    f'{group.log_tail(name)}'
                )
        newest = progress.newest
        _show(bar, newest)
        said = newest['diagnostics']
        if said.get('state') == 'unconfigured' and said.get('error'):
            raise VggtRosError(f'the node could not start: {said["error"]}')
        now = time.monotonic()
        if newest['poses'] != last_poses:
            last_poses, last_change = newest['poses'], now
        if player.poll() is not None:
            if player.returncode != 0:
                raise SourceError(
                    f'the player ended with exit code {player.returncode}; its last words were:\n'
                    f'{group.log_tail("player")}'
                )
            quiet_s = now - last_change
            if quiet_s > (_SETTLE_S if _is_idle(newest) else _STALL_S):
                return
        else:
            last_change = max(last_change, now)
        time.sleep(_POLL_S)


def _is_idle(newest: dict[str, Any]) -> bool:
    """Return whether nothing more will come: nothing is left, or one that makes no window."""
    said = newest['diagnostics']
    num_pending = int(said.get('frames_pending', '0'))
    return num_pending == 0 or (num_pending == 1 and float(said.get('window_busy_s', '0')) == 0.0)


def _show(bar: tqdm[Any], newest: dict[str, Any]) -> None:
    said = newest['diagnostics']
    bar.set_description(said.get('state', 'starting'), refresh=False)
    bar.set_postfix(poses=newest['poses'], messages=newest['messages'], refresh=False)
    new_images = int(said.get('frames_in', '0')) - bar.n
    if new_images > 0:
        bar.update(new_images)
