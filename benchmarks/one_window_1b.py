"""One window of two frames through the node with a network of VGGT-1B's size, on the CPU.

    .venv/bin/python benchmarks/one_window_1b.py [--folder DIR]

Needs 5 GB of disk, 8 GB of memory and a few minutes. The weights follow the rule of the golden
fixtures, so the geometry means nothing; shown are time and memory. Prints one JSON line and
exits 1 if nothing was published or the node took more memory than promised.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import sys
import tempfile
import threading
import time

import torch

from vggt_ros.cli.process_group import ProcessGroup
from vggt_ros.cli.ros_domain import claim_domain
from vggt_ros.evaluation.recording import Recording
from vggt_ros.inference.weights_file import save_network
from vggt_ros.model.config import NetworkConfig
from vggt_ros.model.vggt import VGGT

ROOT = Path(__file__).resolve().parents[1]
MAX_MEMORY_GB = 10.0
TIMEOUT_S = 1200.0


def write_weights(path: Path) -> None:
    """Write a VGGT-1B filled by the rule of the golden fixtures."""
    sys.path.insert(0, str(ROOT / 'test' / 'model'))
    from golden_weights import golden_weight  # type: ignore[import-not-found]

    with torch.device('meta'):
        network = VGGT(NetworkConfig())
    weights = {
        name: torch.from_numpy(golden_weight(name, tensor.shape))
        for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(weights, strict=True, assign=True)
    save_network(network, path, dtype=torch.float32, is_trained=False)


def peak_memory_gb(pid: int) -> float:
    """Return the largest resident size a process has had; 0 if it is gone."""
    try:
        status = Path(f'/proc/{pid}/status').read_text()
    except OSError:
        return 0.0
    line = next(line for line in status.splitlines() if line.startswith('VmHWM'))
    return int(line.split()[1]) / 1e6


def run_window(weights: Path, folder: Path) -> dict[str, float | int]:
    """Play two frames to the node and return what was seen."""
    environment = dict(
        os.environ,
        ROS_DOMAIN_ID=str(claim_domain()),
        ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST',
        PYTHONUNBUFFERED='1',
    )
    recording = folder / 'recording.npz'
    with ProcessGroup(folder, environment) as group:
        recorder = group.start(
            'recorder',
            'vggt_ros.ros.tools.recorder',
            ['--ros-args', '-p', f'output:={recording}'],
            piped=True,
        )
        node = group.start(
            'node',
            'vggt_ros.ros.node',
            [
                '--ros-args',
                *('-r', 'image:=/camera/image_raw', '-p', f'model.checkpoint:={weights}'),
                *('-p', 'model.device:=cpu', '-p', 'window.size:=2', '-p', 'window.overlap:=1'),
                *('-p', 'keyframe.min_parallax:=0.0', '-p', 'input.qos_reliability:=reliable'),
            ],
        )
        group.start(
            'player',
            'vggt_ros.ros.tools.camera_player',
            [
                *('--ros-args', '-p', 'num_frames:=2', '-p', 'wait_for_subscribers:=1'),
                *('-p', f'wait_timeout:={TIMEOUT_S}'),
            ],
        )
        newest = {'poses': 0}

        def read() -> None:
            assert recorder.stdout is not None
            with recorder.stdout as lines:
                for line in lines:
                    newest.update(json.loads(line))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        deadline = time.monotonic() + TIMEOUT_S
        peak_gb = 0.0
        while newest['poses'] < 2 and time.monotonic() < deadline and node.poll() is None:
            peak_gb = max(peak_gb, peak_memory_gb(node.pid))
            time.sleep(0.2)
        time.sleep(2.0)  # for the diagnostics that tell the latency
        group.stop('recorder')
        reader.join()
    said = Recording.load(recording).diagnostics
    return {
        'poses': newest['poses'],
        'node_peak_memory_gb': round(peak_gb, 2),
        'window_latency_s': float(said.get('latency_p50_s', 'nan')),
    }


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--folder', type=Path, help='where the weights are kept for a next run')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        weights = folder / 'vggt_1b.safetensors'
        if not weights.exists():
            write_weights(weights)
        seen = run_window(weights, Path(scratch))
    sys.stdout.write(json.dumps(seen) + '\n')
    return 0 if seen['poses'] == 2 and seen['node_peak_memory_gb'] < MAX_MEMORY_GB else 1


if __name__ == '__main__':
    sys.exit(main())
