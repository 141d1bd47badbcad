"""All tests, in two processes side by side; `make test` calls it.

    .venv/bin/python -m tools.all_tests

Tests that start nodes spend most of their time waiting for middleware, clocks and cameras that
send at a pace; all others compute. The latter run at a lower priority in the time that the former
leave, and are printed when both are over.
"""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile

ROOT = Path(__file__).parents[1]
# They start nodes, or measure by the clock.
IN_REAL_TIME = ('test/faults', 'test/ros', 'test/cli')
_PLUGINS = ('-p', 'pytest_timeout', '-p', '_hypothesis_pytestplugin')
_NICENESS = 10
_COUNT = re.compile(r'(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|warnings?)')


def commands() -> tuple[list[str], list[str]]:
    """Return what runs the tests that compute, and what runs those that wait."""
    pytest = [sys.executable, '-m', 'pytest', *_PLUGINS]
    ignored = [f'--ignore={folder}' for folder in IN_REAL_TIME]
    # Each has a cache of its own: pytest writes what failed into it.
    beside = [*pytest, '-o', 'cache_dir=.pytest_cache/beside', *ignored, 'test']
    return beside, [*pytest, *IN_REAL_TIME]


def summed(outputs: Sequence[str]) -> str:
    """Return the counts of the closing lines of several runs, added up."""
    counts: dict[str, int] = {}
    for output in outputs:
        closing = output.strip().rpartition('\n')[2]
        for number, what in _COUNT.findall(closing):
            name = what.rstrip('s') if what.startswith(('error', 'warning')) else what
            counts[name] = counts.get(name, 0) + int(number)
    return ', '.join(f'{number} {name}' for name, number in counts.items())


def run(beside: Sequence[str], foremost: Sequence[str]) -> int:
    """Run both; print one as it goes and the other after it.

    Returns:
        0 if all tests passed, else the exit status of a run in which some did not.
    """
    one_thread = dict(os.environ, OMP_NUM_THREADS='1')
    with (
        tempfile.TemporaryFile('w+') as output,
        subprocess.Popen(
            ['nice', '-n', str(_NICENESS), *beside],
            cwd=ROOT,
            env=one_thread,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as other,
    ):
        try:
            with subprocess.Popen(
                foremost, cwd=ROOT, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout is not None, 'asked for'
                lines = []
                for line in process.stdout:
                    lines.append(line)
                    sys.stdout.write(line)
                    sys.stdout.flush()
            other.wait()
        except KeyboardInterrupt:
            other.send_signal(2)
            other.wait()
            raise
        output.seek(0)
        text = output.read()
    sys.stdout.write(text)
    sys.stdout.write(f'all tests: {summed([text, "".join(lines)])}\n')
    # A process that was killed has a negative one.
    return max(abs(process.returncode), abs(other.returncode))


if __name__ == '__main__':
    sys.exit(run(*commands()))
