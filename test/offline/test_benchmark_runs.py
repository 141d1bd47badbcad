import json

import cv2
import numpy as np
import pytest

from vggt_ros.errors import PredictionError
from vggt_ros.offline import outputs
from vggt_ros.offline.benchmark_list import BenchmarkRun
from vggt_ros.offline.benchmark_runs import run_benchmark
from vggt_ros.settings.parameter_tree import with_values


@pytest.fixture
def runs(walk, config, source_of, tmp_path, monkeypatch):
    """A folder of images, and one that is not there."""

    def draw(result, folder, title):
        cv2.imwrite(str(folder / 'overview.png'), np.zeros((1, 1, 3), np.uint8))
        return ('overview.png',)

    monkeypatch.setattr(outputs, 'draw_pictures', draw)
    (tmp_path / 'walk').mkdir()
    for frame in source_of(walk, stop=10):
        image = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(tmp_path / 'walk' / f'{frame.stamp_ns}.png'), image)
    config = with_values(config, {'keyframe.min_parallax': 3.0})
    return [
        BenchmarkRun(name='none', variant='', path=tmp_path / 'none', config=config),
        BenchmarkRun(name='walk', variant='a', path=tmp_path / 'walk', config=config),
    ]


def test_a_run_that_fails_is_a_row_and_the_others_go_on(runs, walk, backbone_of, tmp_path):
    rows = list(run_benchmark(runs, tmp_path / 'out', load=lambda _: backbone_of(walk)))
    assert 'nothing to read' in rows[0].failure
    assert (rows[1].name, rows[1].variant, rows[1].failure) == ('walk', 'a', '')
    assert rows[1].num_frames == 10
    assert rows[1].num_keyframes >= 4
    assert (tmp_path / 'out' / 'walk-a' / 'run.json').exists()
    assert not (tmp_path / 'out' / 'none').exists()
    again = list(run_benchmark(runs[1:], tmp_path / 'out', load=lambda _: backbone_of(walk)))
    assert 'is there already' in again[0].failure


def test_what_is_finished_with_the_same_settings_is_taken(runs, walk, backbone_of, tmp_path):
    run = runs[1]

    def rows_of(each, **how):
        loaded = []

        def load(_):
            loaded.append(1)
            return backbone_of(walk)

        return list(run_benchmark([each], tmp_path / 'out', load=load, **how)), len(loaded)

    first, _ = rows_of(run)
    assert rows_of(run, resume=True) == (first, 0)
    other = BenchmarkRun(
        name='walk', variant='a', path=run.path,
        config=with_values(run.config, {'keyframe.min_parallax': 4.0}),
    )  # fmt: skip
    rows, _ = rows_of(other, resume=True)
    assert '--overwrite' in rows[0].failure
    rows, num_loaded = rows_of(other, overwrite=True)
    assert (rows[0].failure, num_loaded) == ('', 1)
    told = json.loads((tmp_path / 'out' / 'walk-a' / 'run.json').read_text())
    assert told['settings']['keyframe.min_parallax'] == 4.0


def test_no_map_is_a_failure(runs, walk, backbone_of, tmp_path):
    silent = backbone_of(walk)

    def fail(images, request, *, frame_ids=None):
        raise PredictionError('no answer')

    silent.predict = fail
    rows = list(run_benchmark(runs[1:], tmp_path / 'out', load=lambda _: silent))
    assert rows[0].failure.startswith('there is no map')
    assert rows[0].num_keyframes == 0
    assert rows[0].num_frames == 10
