from matplotlib.image import imread

from training.training_log import draw_curves, TrainingLog


def test_lines_of_earlier_pieces_stay(tmp_path):
    path = tmp_path / 'made' / 'log.jsonl'
    TrainingLog(path).write({'trained_s': 1.0, 'camera': 2.0})
    TrainingLog(path).write({'trained_s': 2.0, 'camera': 1.5})
    assert [line['camera'] for line in TrainingLog(path).read()] == [2.0, 1.5]


def test_a_log_that_does_not_exist_is_empty(tmp_path):
    assert TrainingLog(tmp_path / 'log.jsonl').read() == []


def test_every_curve_changes_the_picture(tmp_path):
    base = [{'num_steps': n, 'camera': 1.0 / n} for n in (30, 60, 90)]
    more = [line | {'val_photos_rotation_deg': 3.0 + line['camera']} for line in base]
    draw_curves(base, tmp_path / 'base.png')
    draw_curves(more, tmp_path / 'more.png')
    first, second = imread(tmp_path / 'base.png'), imread(tmp_path / 'more.png')
    assert first.shape == second.shape
    assert (first != second).any()
