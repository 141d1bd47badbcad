"""Ends of processes; what a signal does to the real nodes is in test_node.py."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import textwrap

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.ros


@pytest.fixture
def run():
    """Run a node whose `make` and `end` are given as text; return exit code and output."""

    def start(make, end='return True', number=None, exit_code=0):
        program = f"""
            import sys, threading, time
            from rclpy.node import Node
            from vggt_ros.errors import ConfigError
            from vggt_ros.ros.middleware.shutdown import run_until_shutdown

            class Ending(Node):
                exit_code = {exit_code}

                def __init__(self):
                    {make}
                    super().__init__('ending')
                    self.create_timer(0.05, lambda: print('ready', flush=True))

                def end(self, timeout_s):
                    {end}

                def note_error(self, error):
                    print('noted', repr(error), flush=True)

            sys.exit(run_until_shutdown(Ending))
        """
        child = subprocess.Popen(
            [sys.executable, '-c', textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )
        text = ''
        if number is not None:
            text = child.stdout.readline()
            assert 'ready' in text
            child.send_signal(number)
        rest, _ = child.communicate(timeout=20.0)
        return child.returncode, text + rest

    return start


def test_a_node_that_ends_for_an_error_says_so_in_the_exit_code(run):
    code, text = run('pass', number=signal.SIGINT, exit_code=3)
    assert code == 3, text


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_0(run, number):
    code, text = run('pass', number=number)
    assert code == 0, text
    assert 'Traceback' not in text


def test_an_error_on_purpose_ends_with_1_and_its_message(run):
    code, text = run("raise ConfigError('rate must be in 1..2; got 3')")
    assert code == 1
    assert 'rate must be in 1..2; got 3' in text
    assert 'Traceback' not in text


def test_a_thread_that_does_not_end_does_not_keep_the_process(run):
    code, text = run(
        'threading.Thread(target=lambda: time.sleep(60)).start()', 'return False', signal.SIGINT
    )
    assert code == 0, text


def test_a_daemon_inside_rclpy_does_not_abort_the_process(run):
    # It never ends, and is nearly always inside C++ when the interpreter is taken down.
    make = """
                    import rclpy
                    from rclpy.executors import SingleThreadedExecutor
                    context = rclpy.context.Context()
                    rclpy.init(context=context)
                    executor = SingleThreadedExecutor(context=context)
                    executor.add_node(rclpy.create_node('other', context=context))
                    def spin():
                        while True:
                            executor.spin_once(timeout_sec=0.001)
                    threading.Thread(target=spin, daemon=True).start()"""
    code, text = run(make.strip(), number=signal.SIGTERM)
    assert code == 0, text


def test_a_thread_that_is_about_to_end_may_finish_its_work(run):
    make = """
                    def work():
                        while rclpy.ok():
                            time.sleep(0.05)
                        time.sleep(0.5)
                        print('the file is whole', flush=True)
                    import rclpy
                    threading.Thread(target=work, daemon=True).start()"""
    code, text = run(make.strip(), number=signal.SIGTERM)
    assert code == 0, text
    assert 'the file is whole' in text


def test_what_a_callback_raises_is_noted_and_the_others_run(run):
    make = """
                    def fail():
                        self.num_fails = getattr(self, 'num_fails', 0) + 1
                        if self.num_fails == 3:
                            self.create_timer(0.05, lambda: sys.exit('three times'))
                        raise KeyError('a bug')
                    self.fail = fail
                    super().__init__('ending')
                    self.create_timer(0.01, fail)
                    return"""
    code, text = run(make.strip())
    assert text.count("noted KeyError('a bug')") >= 3, text
    assert 'three times' in text, 'what asks for the end of the process is no error of a callback'
    assert code == 1


def test_spinning_goes_on_until_it_is_over():
    from vggt_ros.ros.middleware.shutdown import keep_spinning

    living, calls, noted = [True], [], []

    def is_ok():
        return bool(living)

    def spin():
        calls.append(None)
        if len(calls) % 2:
            raise ValueError(len(calls))

    keep_spinning(spin, is_ok, noted.append, lambda: len(calls) == 6)
    assert [error.args for error in noted] == [(1,), (3,), (5,)]

    def fail_at_the_end():
        living.clear()
        raise RuntimeError('the context is gone')

    keep_spinning(fail_at_the_end, is_ok, noted.append)
    assert len(noted) == 3, 'a context that ends makes rclpy raise all kinds of errors'
