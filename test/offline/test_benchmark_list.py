import sys

import pytest

from vggt_ros.errors import ConfigError
from vggt_ros.offline.benchmark_list import read_benchmark_list
from vggt_ros.settings.config import VggtConfig

LIST = """
defaults:
  checkpoint: nano
  max_frames: 100
  settings: {keyframe.min_parallax: 4}
sequences:
  - path: data/office
    start: 1.5
    calibration: K.txt
  - path: /data/drive.mcap
    name: drive
    topics: /left,/right
    max_frames: 7
    use_depth: false
    settings: {window.size: 6}
variants:
  plain: {refine.mode: off}
  full:
"""


@pytest.fixture
def read(tmp_path):
    pytest.importorskip('yaml')

    def read_list(text):
        (tmp_path / 'list.yaml').write_text(text)
        return read_benchmark_list(tmp_path / 'list.yaml', VggtConfig())

    return read_list


def test_every_sequence_is_run_with_every_variant(read, tmp_path):
    runs = read(LIST)
    assert [run.folder for run in runs] == [
        'office-plain', 'office-full', 'drive-plain', 'drive-full',
    ]  # fmt: skip
    office, _, drive, full = runs
    assert office.path == tmp_path / 'data' / 'office'
    assert office.opening == {
        'max_frames': 100, 'start_s': 1.5, 'calibration': tmp_path / 'K.txt',
    }  # fmt: skip
    assert office.uses_depth is None
    assert office.config.model.checkpoint == 'nano'
    assert office.config.refine.mode == 'off'
    assert (office.config.keyframe.min_parallax, office.config.window.size) == (4.0, 8)
    assert str(drive.path) == '/data/drive.mcap'
    assert drive.opening == {'max_frames': 7, 'topics': ('/left', '/right')}
    assert drive.uses_depth is False
    assert (drive.config.keyframe.min_parallax, drive.config.window.size) == (4.0, 6)
    assert full.config.refine.mode == VggtConfig().refine.mode


def test_without_variants_a_run_has_the_name_of_its_sequence(read):
    runs = read('sequences: [{path: a}, {path: b, topics: [/x]}]')
    assert [run.folder for run in runs] == ['a', 'b']
    assert runs[1].opening == {'topics': ('/x',)}


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('sequences: []', 'no list `sequences`'),
        ('[1]', 'names with values'),
        ('sequences: [{path: a}]\nvariant: 1', 'has variant; known are sequences'),
        ('sequences: [{name: a}]', 'sequence 1 of .* has no `path`'),
        ('sequences: [{path: a, topic: b}]', 'has topic; known are path'),
        (
            'sequences: [{path: a, start: soon}]',
            "start of .* must be of type int or float; .*'soon'",
        ),
        ('sequences: [{path: a}, {path: b/a}]', 'has a twice'),
        ('sequences: [{path: a, name: ../b}]', r"has the name '\.\./b'"),
        ('sequences: [{path: a, settings: {window.size: 99}}]', 'window.size'),
        ('sequences: [{path: a, settings: {nonsense: 9}}]', 'nonsense'),
        ('sequences: [', 'cannot be read'),
    ],
)
def test_a_list_that_is_wrong_is_told(read, text, match):
    with pytest.raises(ConfigError, match=match):
        read(text)


def test_a_list_that_is_not_there_is_told(tmp_path):
    pytest.importorskip('yaml')
    with pytest.raises(ConfigError, match='cannot be read'):
        read_benchmark_list(tmp_path / 'none.yaml', VggtConfig())


def test_without_pyyaml_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'yaml', None)
    with pytest.raises(ConfigError, match=r'vggt_ros\[offline\]'):
        read_benchmark_list(tmp_path / 'list.yaml', VggtConfig())


def test_seeds_are_runs_that_begin_a_frame_later_each(read):
    runs = read('sequences: [{path: a, seeds: 3, every: 2}, {path: b}]')
    assert [run.folder for run in runs] == ['a-seed0', 'a-seed1', 'a-seed2', 'b']
    assert [run.opening.get('skip_frames') for run in runs] == [0, 1, 2, None]
    assert [run.seed for run in runs] == [0, 1, 2, None]
    assert runs[1].opening['every'] == 2
    with pytest.raises(ConfigError, match=r'seeds of sequence 1 .* 1 or more; got 0'):
        read('sequences: [{path: a, seeds: 0}]')


def test_published_numbers_belong_to_their_sequence(read):
    number = '{name: O, value: 1, source: s, metric: ate_sim3_m, protocol: {frames: all}}'
    runs = read(f'sequences: [{{path: a, published: [{number}]}}, {{path: b}}]')
    assert [len(run.published) for run in runs] == [1, 0]
