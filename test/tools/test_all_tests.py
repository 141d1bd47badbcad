import sys

from tools.all_tests import commands, run, summed


def python(text):
    return [sys.executable, '-c', text]


def test_every_test_folder_is_in_one_of_the_two_runs():
    beside, foremost = commands()
    ignored = {word.partition('=')[2] for word in beside if word.startswith('--ignore=')}
    assert ignored == {word for word in foremost if word.startswith('test/')}
    assert beside[-1] == 'test'


def test_a_failure_of_either_is_a_failure_of_all(capfd):
    passing, failing = python('print("1 passed")'), python('print("1 failed"); exit(1)')
    assert run(passing, passing) == 0
    assert run(failing, passing) == 1
    assert run(passing, failing) == 1
    assert 'all tests: 1 passed, 1 failed' in capfd.readouterr().out


def test_closing_lines_are_added_up():
    first = '....\n==== 2 failed, 7000 passed, 3 skipped, 1 error in 900.00s (0:15:00) ====\n'
    second = '100 passed, 2 errors in 3.00s\n'
    assert summed([first, second]) == '2 failed, 7100 passed, 3 skipped, 3 error'


def test_a_killed_run_is_a_failure():
    killed = python('import os; os.kill(os.getpid(), 9)')
    assert run(killed, python('')) != 0
    assert run(python(''), killed) != 0
