from dataclasses import replace
import resource
import weakref

import numpy as np
import pytest

from vggt_ros.offline.sequence_mapper import SequenceMapper
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor


@pytest.mark.slow
def test_memory_is_flat_over_thousands_of_frames(source_of):
    whole = make_course('figure_eight', 80, 0)
    moments = whole.with_pictures(width=32, height=24, image_scale=2)
    shown = list(source_of(moments))
    poses = np.repeat(moments.world_from_cam, 25, axis=0)  # it stands, moves on, stands
    course = replace(moments, world_from_cam=poses)
    values = {'refine.mode': 'off', 'loop.enable': False, 'map.max_points': 2000}
    mapper = SequenceMapper(SimulatedPredictor(course, NONE, 0), with_values(VggtConfig(), values))
    images, alive, used_kb = [], [], []
    for index in range(2000):
        stamp_ns = 50_000_000 * index + 1
        image = shown[index // 25].image.copy()
        frame = replace(shown[index // 25], image=image, stamp_ns=stamp_ns)
        del image
        images.append(weakref.ref(frame.image))
        mapper.add(frame)
        del frame
        images = [image for image in images if image() is not None]
        alive.append(len(images))
        if index in (800, 1999):
            used_kb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert max(alive) <= 40, 'the frames of two windows, and nothing of those before'
    assert used_kb[1] - used_kb[0] < 30_000
    result = mapper.finish()
    assert len(result.poses) == 2000
    assert len(result.keyframes) > 40
    assert result.poses.coverage > 0.9


def test_a_recording_whose_stamps_jump_back_goes_on_in_another_segment(
    walk, config, source_of, truthful
):
    mapper = SequenceMapper(truthful(walk), with_values(config, {'keyframe.min_parallax': 0.0}))
    for index, frame in enumerate(source_of(walk)):
        back = 5_000_000_000 if index >= 12 else 0
        mapper.add(replace(frame, stamp_ns=frame.stamp_ns - back))
    result = mapper.finish()
    assert result.num_segments == 2
    assert result.counts.drops['stamp_outlier'] == 1
    assert result.poses.kind[0] == result.poses.kind[-1] == 'keyframe'
    assert result.poses.kind[12] == 'none'


def test_progress_counts_frames_and_keyframes(walk, config, source_of, truthful):
    mapper = SequenceMapper(truthful(walk), with_values(config, {'keyframe.min_parallax': 0.0}))
    for frame in source_of(walk, stop=6):
        mapper.add(frame)
    told = mapper.progress(25)
    assert (told.num_done, told.num_frames, told.num_keyframes) == (6, 25, 6)
    assert told.state == 'tracking'
    assert told.elapsed_s > 0
