import os
import signal
import time

import pytest

from vggt_ros.cli.process_group import ProcessGroup


@pytest.fixture
def modules(tmp_path, monkeypatch) -> dict[str, str]:
    """Two small programs on the module path: one obeys SIGINT, one ignores it."""
    (tmp_path / 'polite_child.py').write_text(
        'import time\n'
        'print("ready", flush=True)\n'
        'try:\n    time.sleep(60)\n'
        'except KeyboardInterrupt:\n    print("bye", flush=True)\n'
    )
    (tmp_path / 'failing_child.py').write_text('raise SystemExit("no camera found")\n')
    paths = [str(tmp_path), *os.environ.get('PYTHONPATH', '').split(os.pathsep)]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths))


def wait_for(group: ProcessGroup, name: str, word: str) -> None:
    deadline = time.monotonic() + 10
    while word not in group.log_tail(name):
        assert time.monotonic() < deadline, group.log_tail(name)
        time.sleep(0.02)


def test_children_get_sigint_when_the_block_ends(tmp_path, modules):
    with ProcessGroup(tmp_path, modules) as group:
        child = group.start('node', 'polite_child', [])
        wait_for(group, 'node', 'ready')
    assert child.returncode == 0
    assert 'bye' in group.log_tail('node')


def test_children_get_sigint_even_if_this_process_was_started_in_the_background(tmp_path, modules):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ProcessGroup(tmp_path, modules) as group:
            child = group.start('node', 'polite_child', [])
            wait_for(group, 'node', 'ready')
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert child.returncode == 0


def test_children_are_stopped_when_the_block_fails(tmp_path, modules):
    with pytest.raises(RuntimeError, match='boom'), ProcessGroup(tmp_path, modules) as group:
        child = group.start('node', 'polite_child', [])
        raise RuntimeError('boom')
    assert child.poll() is not None


def test_the_log_tells_why_a_child_ended(tmp_path, modules):
    with ProcessGroup(tmp_path, modules) as group:
        group.start('player', 'failing_child', []).wait(10)
        assert 'no camera found' in group.log_tail('player')
        assert group.stop('player') == 1


def test_a_piped_child_speaks_through_its_standard_output(tmp_path, modules):
    with ProcessGroup(tmp_path, modules) as group:
        child = group.start('recorder', 'polite_child', [], piped=True)
        assert child.stdout is not None
        assert child.stdout.readline() == 'ready\n'
    child.stdout.close()


def test_sigterm_stops_the_children_as_ctrl_c_does(tmp_path, modules):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ProcessGroup(tmp_path, modules) as group:
        child = group.start('node', 'polite_child', [])
        wait_for(group, 'node', 'ready')
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert child.returncode == 0
    assert 'bye' in group.log_tail('node')
    assert signal.getsignal(signal.SIGTERM) is before
