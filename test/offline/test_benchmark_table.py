import csv
import json

from vggt_ros.offline.benchmark_table import BenchmarkRow, markdown_of, row_of, write_table

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
