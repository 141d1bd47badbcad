import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

linux = pytest.mark.skipif(
    not sys.platform.startswith('linux'), reason='only Linux tells children of the end'
)
PARENT = """
import os, signal, subprocess, sys, time
# Jobs in the background of a shell ignore it, and so would their children.
signal.signal(signal.SIGINT, signal.default_int_handler)
child = subprocess.Popen(
    [sys.executable, '-m', 'vggt_ros.cli.bound_process', str(os.getpid()), 'sleeper', 'word'],
    stdout=subprocess.PIPE, text=True,
)
print(child.pid, child.stdout.readline().strip(), flush=True)
time.sleep(60)
"""


def is_alive(pid):
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except FileNotFoundError:
        return False
    return state != 'Z'


@pytest.fixture
def family(tmp_path):
    (tmp_path / 'sleeper.py').write_text(
        'import sys, time\nprint(*sys.argv, __name__, flush=True)\ntime.sleep(60)\n'
    )
    paths = [str(tmp_path), *os.environ.get('PYTHONPATH', '').split(os.pathsep)]
    parent = subprocess.Popen(
        [sys.executable, '-c', PARENT],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)),
    )
    pid, *said = parent.stdout.readline().split()
    yield parent, int(pid), said
    for each in (parent.pid, int(pid)):
        if is_alive(each):
            os.kill(each, signal.SIGKILL)
    parent.communicate()


@linux
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_with_its_parent_however_that_ends(family, number):
    parent, pid, _ = family
    assert is_alive(pid)
    parent.send_signal(number)
    parent.wait(10)
    deadline_s = time.monotonic() + 10.0
    while is_alive(pid):
        assert time.monotonic() < deadline_s, 'it is an orphan'
        time.sleep(0.02)


def test_the_module_runs_as_a_program_with_its_words(family):
    _, _, (name, word, run_name) = family
    assert name.endswith('sleeper.py')
    assert (word, run_name) == ('word', '__main__')


@linux
def test_a_child_whose_parent_is_gone_does_not_begin(family):
    done = subprocess.run(
        [sys.executable, '-m', 'vggt_ros.cli.bound_process', '1', 'sleeper'],
        check=False,
        timeout=20,
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGTERM
