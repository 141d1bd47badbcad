import subprocess
import sys

from vggt_ros.cli.ros_domain import claim_domain

PROGRAM = (
    'import sys; from pathlib import Path; from vggt_ros.cli.ros_domain import claim_domain; '
    'print(claim_domain(Path(sys.argv[1])), flush=True); sys.stdin.read()'
)


def claimed_elsewhere(folder):
    process = subprocess.Popen(
        [sys.executable, '-c', PROGRAM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, int(process.stdout.readline())


def test_nobody_gets_the_domain_of_another_one_as_long_as_that_lives(tmp_path):
    processes = [claimed_elsewhere(tmp_path) for _ in range(3)]
    own = [claim_domain(tmp_path) for _ in range(97)]
    try:
        assert len({*own, *(domain for _, domain in processes)}) == 100
        assert 1 <= min(own) <= max(own) <= 100
        assert claim_domain(tmp_path) in own, 'a hundred and first shares one'
    finally:
        for process, _ in processes:
            process.communicate(timeout=10)
    assert claim_domain(tmp_path) in {domain for _, domain in processes}, 'free again'
