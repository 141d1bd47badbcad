import pytest

from training.curriculum import CURRICULUM, stage_at
from vggt_ros.inference.presets import PRESETS


def test_stages_follow_each_other_to_the_end():
    ends = [stage.until for stage in CURRICULUM]
    assert ends == sorted(ends)
    assert ends[-1] == 1


@pytest.mark.parametrize('number', range(len(CURRICULUM)))
def test_a_stage_lasts_until_its_end(number):
    stage = CURRICULUM[number]
    assert stage_at(stage.until - 1e-6) is stage
    assert stage_at(stage.until) is CURRICULUM[min(number + 1, len(CURRICULUM) - 1)]


def test_pictures_fill_whole_patches_and_end_at_the_size_that_is_shipped():
    config = PRESETS['nano'].network.aggregator
    for stage in CURRICULUM:
        assert all(size % config.patch_size == 0 for size in stage.image_size)
    assert CURRICULUM[-1].image_size[1] == config.img_size


def test_the_last_stage_trains_every_head_on_one_to_eight_frames():
    last = CURRICULUM[-1]
    assert last.num_frames == (1, 8)
    assert last.depth_frames > 0
    assert 0 < last.track_share < 1
