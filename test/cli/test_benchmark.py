import json
import logging

import pytest

from vggt_ros.cli import benchmark
from vggt_ros.cli.benchmark import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_NOTHING,
    EXIT_PARTS,
)
from vggt_ros.cli.main import EXIT_USAGE, main
from vggt_ros.offline.benchmark_table import BenchmarkRow

DONE = BenchmarkRow(name='a', variant='', num_keyframes=3, ate_sim3_m=0.25)
FAILED = BenchmarkRow(name='b', variant='', failure='nothing there')


@pytest.fixture
def asked(monkeypatch):
    """What the command asks for; it ends as the test says."""
    asked = {'rows': [DONE]}

    def run(runs, folder, **how):
        asked.update(runs=runs, folder=folder, how=how)
        yield from asked['rows']
        if 'raises' in asked:
            raise asked['raises']

    monkeypatch.setattr(benchmark, 'run_benchmark', run)
    return asked


@pytest.fixture
def listed(tmp_path):
    pytest.importorskip('yaml')
    path = tmp_path / 'few.yaml'
    path.write_text('sequences: [{path: a}]')
    return path


def run_list(*words):
    return main(['benchmark', *map(str, words)])


def test_a_list_becomes_tables(listed, asked, tmp_path, capsys):
    words = ['--out', tmp_path / 'out', '--resume', '--checkpoint', 'x', '--device', 'cpu']
    assert run_list(listed, *words) == EXIT_DONE == 0
    assert '| a |' in capsys.readouterr().out
    told = json.loads((tmp_path / 'out' / 'table.json').read_text())
    assert told['rows'][0]['ate_sim3_m'] == 0.25
    assert told['command'][:2] == ['vggt_ros', 'benchmark']
    assert asked['how']['resume']
    assert not asked['how']['overwrite']
    model = asked['runs'][0].config.model
    assert (model.checkpoint, model.device) == ('x', 'cpu')


def test_exit_codes_say_how_it_ended(listed, asked, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    asked['rows'] = [DONE, FAILED]
    with caplog.at_level(logging.INFO):
        assert run_list(listed) == EXIT_PARTS == 3
    assert '2 of 1: b nothing there' in caplog.text
    assert (tmp_path / 'maps' / 'few' / 'table.md').exists()
    asked['rows'] = [FAILED]
    assert run_list(listed) == EXIT_NOTHING == 1
    asked['raises'] = KeyboardInterrupt()
    assert run_list(listed) == EXIT_INTERRUPTED == 130
    listed.write_text('sequences: 3')
    assert run_list(listed) == EXIT_USAGE == 2


def test_a_folder_that_cannot_be_written_is_told(listed, asked, tmp_path, caplog):
    (tmp_path / 'file').write_text('')
    assert run_list(listed, '--out', tmp_path / 'file') == 1
    assert 'cannot be written' in caplog.text


def test_published_numbers_are_shown_where_the_protocol_is_the_same(
    listed, asked, tmp_path, capsys, caplog
):
    words = 'value: 0.5, source: a paper, metric: ate_sim3_m'
    listed.write_text(
        f'sequences: [{{path: a, published: [{{name: One, {words}, protocol: {{frames: all}}}}, '
        f'{{name: Two, {words}, protocol: {{frames: all, every: 4}}}}]}}]'
    )
    with caplog.at_level(logging.INFO):
        assert run_list(listed, '--out', tmp_path / 'out') == 0
    shown = capsys.readouterr().out
    assert '| a | One, published [1] |' in shown
    assert 'Two' not in shown
    assert 'Two of a is not shown: every is 4 there and 1 here' in caplog.text
    assert '[1] a paper' in (tmp_path / 'out' / 'table.md').read_text()
