"""A node that is configured and cleaned up again and again stays as large as it was."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[2]


def test_a_node_that_is_configured_again_and_again_stays_as_large_as_it_was():
    words = ['-m', 'benchmarks.lifecycle_memory', '--cycles', '12', '--warm-up', '5']
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    growth = json.loads(ended.stdout.splitlines()[-1])
    assert ended.returncode == 0, (growth, ended.stderr)
    assert growth['used_kb_per_cycle'] < 20.0
    assert growth['objects_per_cycle'] < 5.0
