from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.errors import CheckpointNotFoundError
from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.offline.map_sequence import map_sequence
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.detection import open_sequence
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor


def motion_errors(estimated, true):
    """What the motions since the first frame are off."""
    motions = [se3.inverse(poses[0]) @ poses for poses in (estimated, true)]
    return se3.inverse(motions[1]) @ motions[0]


def test_every_frame_of_a_walk_gets_its_true_pose(mapped, walk):
    assert len(mapped.poses) == len(walk)
    kinds = mapped.poses.counts()
    assert kinds['keyframe'] == len(mapped.keyframes) < len(walk)
    assert kinds['refined'] >= 0.8 * (len(walk) - kinds['keyframe'])
    assert mapped.poses.coverage == 1.0
    wrong = motion_errors(mapped.poses.map_from_cam, walk.world_from_cam)
    assert np.linalg.norm(wrong[:, :3, 3], axis=1).max() < 0.01
    assert np.degrees(rotation_angle(wrong[:, :3, :3]).max()) < 0.3


def test_the_stamps_are_those_of_the_source(mapped, walk):
    assert np.diff(mapped.poses.stamps_ns).tolist() == [50_000_000] * (len(walk) - 1)
    assert mapped.poses.stamps_ns[0] == 1_700_000_000_123_456_789


def test_counts_depth_windows_and_times_are_told(mapped, walk):
    assert mapped.counts.frames_in == len(walk)
    assert mapped.counts.drops['not_keyframe'] == len(walk) - len(mapped.keyframes)
    assert mapped.truth.num_known == len(walk)
    assert len(mapped.truth.depths) == len(mapped.keyframes)
    assert max(each.published.abs_rel for each in mapped.truth.depths) < 1e-2
    assert {i for window in mapped.windows for i in window.frame_ids} == set(mapped.keyframes)
    assert not any(window.failure for window in mapped.windows)
    stages = ('read', 'network', 'map', 'frames')
    assert all(mapped.seconds[stage] > 0 for stage in stages)
    assert sum(mapped.seconds[stage] for stage in stages) <= mapped.seconds['total']
    assert mapped.frames_per_s == pytest.approx(len(walk) / mapped.seconds['total'])
    assert mapped.num_segments == 1
    assert len(mapped.points.hits) > 1000


def test_keyframes_and_progress_are_told_as_they_come(walk, config, source_of, truthful):
    told, seen = [], []
    result = map_sequence(
        source_of(walk, stop=12),
        config=config,
        predictor=truthful(walk),
        on_keyframe=lambda frame: seen.append(frame.frame.id),
        on_progress=told.append,
    )
    assert seen == result.keyframes.tolist()
    assert [each.num_done for each in told] == list(range(1, 13))
    assert told[-1].num_frames == 12


def test_a_window_that_fails_leaves_frames_without_pose_and_a_reason(walk, config, source_of):
    failing = SimulatedPredictor(walk, replace(NONE, failures=1.0), 0)
    result = map_sequence(source_of(walk, stop=12), config=config, predictor=failing)
    assert not result.is_usable
    assert result.poses.counts() == {'keyframe': 0, 'refined': 0, 'interpolated': 0, 'none': 12}
    assert {window.failure for window in result.windows} == {'the simulated network failed'}
    assert np.isnan(result.poses.map_from_cam).all()


def test_frames_that_show_too_little_are_interpolated(walk, config, source_of, truthful):
    source = source_of(walk)
    blurred = [
        replace(f, image=cv2.GaussianBlur(f.image, (0, 0), 6.0)) if i % 2 else f
        for i, f in enumerate(source)
    ]
    result = map_sequence(blurred, config=config, predictor=truthful(walk))
    kinds = result.poses.counts()
    assert kinds['interpolated'] > 0
    wrong = motion_errors(result.poses.map_from_cam, walk.world_from_cam)
    assert np.linalg.norm(wrong[:, :3, 3], axis=1).max() < 0.05


def test_the_checkpoint_is_the_one_that_is_named(walk, source_of):
    with pytest.raises(CheckpointNotFoundError, match='no_such_net'):
        map_sequence(source_of(walk), checkpoint='no_such_net')


def test_a_stamp_of_zero_is_a_stamp(walk, config, source_of, truthful):
    first = source_of(walk).frame(0).stamp_ns
    frames = [replace(f, stamp_ns=f.stamp_ns - first) for f in source_of(walk, stop=12)]
    result = map_sequence(frames, config=config, predictor=truthful(walk))
    assert result.counts.drops.get('stamp_zero', 0) == 0
    assert result.poses.stamps_ns[0] == 0
    assert result.poses.kind[0] == 'keyframe'


def test_a_refused_frame_is_counted_and_the_others_go_on(walk, config, source_of, truthful):
    frames = list(source_of(walk, stop=12))
    frames[5] = replace(frames[5], stamp_ns=frames[4].stamp_ns)
    result = map_sequence(frames, config=config, predictor=truthful(walk))
    assert result.counts.drops['stamp_repeated'] == 1
    assert result.poses.kind[5] == 'none'
    assert result.poses.kind[4] != 'none'


def test_no_keyframe_is_dropped_however_small_the_queue(walk, config, source_of, truthful):
    every = with_values(config, {'keyframe.min_parallax': 0.0})
    result = map_sequence(source_of(walk), config=every, predictor=truthful(walk))
    assert result.keyframes.tolist() == list(range(len(walk)))
    assert result.counts.drops == {}


@pytest.mark.parametrize(('kind', 'name'), [('ros1', 'walk.bag'), ('mcap', 'walk')])
def test_a_bag_gives_the_trajectory_of_the_folder(
    walk, config, source_of, truthful, open_bag, tmp_path, kind, name
):
    images = tmp_path / 'images'
    images.mkdir()
    with open_bag(tmp_path / name, kind) as bag:
        for frame in source_of(walk, stop=13):
            bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(images / f'{frame.stamp_ns}.png'), bgr)
            bag.info('/camera_info', frame.stamp_ns, frame.K, frame.image.shape[1::-1])
            bag.image('/image', frame.stamp_ns, frame.image)
    K = source_of(walk).frame(0).K
    (tmp_path / 'K.txt').write_text(' '.join(map(repr, K[[0, 1, 0, 1], [0, 1, 2, 2]].tolist())))
    folder = open_sequence(images, calibration=tmp_path / 'K.txt')
    of_folder, of_bag = (
        map_sequence(each, config=config, predictor=truthful(walk)).poses
        for each in (folder, open_sequence(tmp_path / name))
    )
    assert of_bag.kind == of_folder.kind
    assert of_bag.kind.count('keyframe') >= 2
    np.testing.assert_array_equal(of_bag.stamps_ns, of_folder.stamps_ns)
    np.testing.assert_array_equal(of_bag.map_from_cam, of_folder.map_from_cam)
