from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.offline.between_cameras import BetweenCameras
from vggt_ros.offline.map_history import MapHistory
from vggt_ros.offline.map_sequence import map_sequence
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.detection import open_sequence
from vggt_ros.synthetic.course import make_course
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor
from vggt_ros.synthetic.simulated_rig import make_rig

RIG = make_rig(2, 0.3)


@pytest.fixture(scope='module')
def ride(finer):
    """25 moments of two cameras that look ahead, four for every 12 cm."""
    whole = make_course('figure_eight', 40, 0).with_pictures(width=84, height=64, image_scale=2)
    return finer(replace(whole, world_from_cam=whole.world_from_cam[:7]), 4).with_rig(RIG)


def test_two_cameras_of_a_bag_give_one_metric_map(ride, config, source_of, open_bag, tmp_path):
    with open_bag(tmp_path / 'ride', 'mcap') as bag:
        bag.transform(1, 'cam_0', 'cam_1', RIG[1])
        for frame in source_of(ride):
            bag.frame(frame)
    sequence = open_sequence(tmp_path / 'ride', topics=['/cam_0/image', '/cam_1/image'])
    config = with_values(config, {'scale.lock_after': 1, 'keyframe.min_parallax': 6.0})
    predictor = SimulatedPredictor(ride, replace(NONE, log_scale=0.3), 0)
    result = map_sequence(sequence, config=config, predictor=predictor)
    assert result.num_segments == 1
    assert result.scale.source == 'rig'
    assert result.scale.is_metric
    assert result.poses.camera == (0, 1) * 25
    assert result.poses.coverage == 1.0
    kinds = result.poses.counts()
    assert kinds['refined'] > 0.8 * (len(ride) - kinds['keyframe'])
    baselines_m = np.diff(result.poses.map_from_cam[:, :3, 3].reshape(25, 2, 3), axis=1)
    lengths_m = np.linalg.norm(baselines_m[:, 0], axis=1)
    assert np.abs(lengths_m - 0.3).max() < 0.02 * 0.3 + 0.01
    first, second = (result.poses.of_camera(i) for i in (0, 1))
    assert len(first) == len(second) == 25
    assert (first.name(0), result.poses.name(1)) == (
        '1700000000.123456789',
        '1700000000.123456789_1',
    )


def test_without_frames_there_are_no_poses():
    between = BetweenCameras(MapHistory(), 2)
    assert not between.is_full
    between.work({}, 0, to_the_end=True)
    assert len(between.poses([], [], {})) == 0
    between.close()
