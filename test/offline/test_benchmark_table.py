import csv
import json

from vggt_ros.offline.benchmark_table import BenchmarkRow, markdown_of, row_of, write_table
from vggt_ros.offline.published_number import PublishedNumber

FAILED = BenchmarkRow(name='b', variant='', failure='there is nothing | at b')


def test_a_row_has_the_numbers_of_the_record(record):
    row = row_of('walk', 'full', record, ['an export is missing'])
    assert (row.name, row.variant, row.failure) == ('walk', 'full', 'an export is missing')
    assert row.num_frames == 25
    assert row.coverage == 1.0
    assert row.ate_sim3_m == record['errors']['frames']['ate_sim3_m']
    assert row.one_place_m > 0.1
    assert row.depth_abs_rel < row.depth_constant_abs_rel
    assert row.ate_se3_m is None
    metric = record | {'scale': record['scale'] | {'is_metric': True}}
    assert row_of('walk', '', metric).ate_se3_m == record['errors']['frames']['ate_se3_m']
    assert row_of('walk', '', record | {'errors': None}).ate_sim3_m is None


def test_the_table_shows_what_is_known(record):
    lines = markdown_of([row_of('a', '', record), FAILED]).splitlines()
    assert lines[0].startswith('| sequence | frames | keyframes | coverage |')
    assert 'variant' not in lines[0]
    assert 'ATE SE(3)' not in lines[0]
    assert '| 100 % |' in lines[2]
    assert lines[3].endswith('| there is nothing \\| at b |')
    assert len({line.replace('\\|', '').count('|') for line in lines}) == 1


def test_the_files_have_all_numbers(record, tmp_path):
    rows = [row_of('a', '', record), FAILED]
    write_table(tmp_path, rows, {'command': ['x']})
    told = json.loads((tmp_path / 'table.json').read_text())
    assert told['command'] == ['x']
    assert told['rows'][0]['ate_sim3_m'] == rows[0].ate_sim3_m
    with (tmp_path / 'table.csv').open(newline='') as file:
        found = list(csv.DictReader(file))
    assert float(found[0]['ate_sim3_m']) == rows[0].ate_sim3_m
    assert found[1]['failure'] == FAILED.failure
    assert (tmp_path / 'table.md').read_text() == markdown_of(rows)


def seeded(seed, ate_m, failure=''):
    return BenchmarkRow(name='a', variant='', seed=seed, ate_sim3_m=ate_m, failure=failure)


def test_runs_of_the_same_are_one_line_with_mean_and_spread(tmp_path):
    rows = [seeded(0, 0.1), seeded(1, 0.3), seeded(2, None, 'no map')]
    lines = markdown_of(rows).splitlines()
    assert lines[0] == '| sequence | ATE Sim(3), m | failure |'
    assert lines[2] == '| a | 0.2 ± 0.141 (2 runs) | 1 of 3 runs: no map |'
    write_table(tmp_path, rows, {})
    assert [r['seed'] for r in json.loads((tmp_path / 'table.json').read_text())['rows']] == [
        0, 1, 2,
    ]  # fmt: skip


def test_what_others_report_stands_below_the_runs_with_its_source(tmp_path):
    number = PublishedNumber(
        name='Other', value=0.05, source='a paper', metric='ate_sim3_m', protocol={'frames': 'all'}
    )
    rows = [seeded(None, 0.1), BenchmarkRow(name='b', variant='', ate_sim3_m=0.2)]
    table = markdown_of(rows, {'a': [number], 'not run yet': [number]})
    assert table.splitlines()[2:] == [
        '| a |  | 0.1 |',
        '| a | Other, published [1] | 0.05 |',
        '| b |  | 0.2 |',
        '',
        '[1] a paper',
    ]
    write_table(tmp_path, rows, {}, {'a': [number]})
    told = json.loads((tmp_path / 'table.json').read_text())
    assert told['published']['a'][0]['source'] == 'a paper'
