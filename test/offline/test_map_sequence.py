from dataclasses import replace

import cv2
import numpy as np
import pytest

from vggt_ros.errors import CheckpointNotFoundError
from vggt_ros.geometry import se3
from vggt_ros.geometry.geodetic import LocalFrame
from vggt_ros.geometry.rotation import matrix_from_rotation_vector, rotation_angle
from vggt_ros.offline.map_sequence import map_sequence, recorded_priors
from vggt_ros.offline.recorded_priors import RecordedPriors, RecordedRig
from vggt_ros.settings.parameter_tree import with_values
from vggt_ros.sources.detection import open_sequence
from vggt_ros.synthetic.simulated_predictor import NONE, SimulatedPredictor
from vggt_ros.synthetic.simulated_rig import make_rig


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


@pytest.fixture(scope='module')
def of_folder(walk, truthful_map, source_type, tmp_path_factory):
    """Map nine frames as images in a folder; return their poses."""
    images = tmp_path_factory.mktemp('images')
    for frame in list(source_type(walk))[::3]:
        bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(images / f'{frame.stamp_ns}.png'), bgr)
    K = source_type(walk).frame(0).K
    file = images.parent / 'K.txt'
    file.write_text(' '.join(map(repr, K[[0, 1, 0, 1], [0, 1, 2, 2]].tolist())))
    return truthful_map(walk, source=open_sequence(images, calibration=file)).poses


@pytest.mark.parametrize(
    'kind',
    ['ros1', 'mcap', 'mcap_message', 'mcap_file', 'sqlite3', 'sqlite3_message', 'sqlite3_file'],
)
def test_a_bag_gives_the_trajectory_of_the_folder(
    walk, source_of, truthful_map, open_bag, tmp_path, of_folder, kind
):
    path = tmp_path / ('walk.bag' if kind == 'ros1' else 'walk')
    with open_bag(path, kind) as bag:
        for frame in list(source_of(walk))[::3]:
            bag.frame(frame)
    of_bag = truthful_map(walk, source=open_sequence(path)).poses
    assert of_bag.kind == of_folder.kind
    assert of_bag.kind.count('keyframe') >= 2
    np.testing.assert_array_equal(of_bag.stamps_ns, of_folder.stamps_ns)
    np.testing.assert_array_equal(of_bag.map_from_cam, of_folder.map_from_cam)


@pytest.fixture
def whimsical(walk):
    """A network whose windows have units of their own."""
    return SimulatedPredictor(walk, replace(NONE, log_scale=0.3), 0)


def true_scale(result, course):
    """Meters per unit of the map, by the truth; and how far off the positions then are."""
    ways = [
        np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).sum()
        for poses in (result.poses.map_from_cam, course.world_from_cam)
    ]
    return ways[1] / ways[0]


AHEAD = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
BASE_FROM_CAM = make_rig(3, 0.4)[2] @ se3.rigid(AHEAD, np.zeros(3))


def test_odometry_of_a_bag_makes_the_map_metric(
    walk, config, source_of, whimsical, open_bag, tmp_path
):
    with open_bag(tmp_path / 'walk', 'mcap') as bag:
        bag.transform(1, 'base_link', 'cam_0', BASE_FROM_CAM)
        for frame in source_of(walk):
            bag.odometry(frame.stamp_ns, frame.world_from_cam @ se3.inverse(BASE_FROM_CAM))
            bag.frame(frame)
    config = with_values(config, {'scale.lock_after': 1})
    sequence = open_sequence(tmp_path / 'walk', odometry_topic='/odom')
    result = map_sequence(sequence, config=config, predictor=whimsical)
    assert result.scale.is_metric
    assert result.scale.source == 'odometry'
    assert true_scale(result, walk) == pytest.approx(1.0, abs=0.02)
    # The map begins as the odometry.
    np.testing.assert_allclose(result.poses.map_from_cam[0], walk.world_from_cam[0], atol=1e-6)


def tilt_deg(result, course):
    """How far the map's z is from the true one, as the first camera sees both."""
    ups = [
        poses[0][:3, :3].T @ [0.0, 0.0, 1.0]
        for poses in (result.poses.map_from_cam, course.world_from_cam)
    ]
    return np.degrees(np.arccos(np.clip(ups[0] @ ups[1], -1.0, 1.0)))


def test_the_imu_of_a_bag_says_what_is_up_unless_it_is_not_wanted(
    walk, config, source_of, truthful, open_bag, tmp_path
):
    with open_bag(tmp_path / 'walk', 'mcap') as bag:
        bag.transform(1, 'cam_0', 'imu', np.eye(4))
        frames = list(source_of(walk))
        for frame, world_from_cam in zip(frames, walk.world_from_cam, strict=True):
            up = 9.81 * (world_from_cam[:3, :3].T @ [0.0, 0.0, 1.0])
            for step in range(12):  # it stands still at each
                bag.imu(frame.stamp_ns + (step - 6) * 8_000_000, up)
            bag.frame(frame)
    sequence = open_sequence(tmp_path / 'walk')
    told = map_sequence(sequence, config=config, predictor=truthful(walk))
    assert tilt_deg(told, walk) < 1.0
    config = with_values(config, {'gravity.use_imu': False})
    guessed = map_sequence(sequence, config=config, predictor=truthful(walk))
    assert tilt_deg(guessed, walk) > 2.0


HERE = LocalFrame(lat_deg=48.0, lon_deg=11.0, altitude_m=500.0)
# A frame is turned against east by so much, and lies so far from the first fix.
ENU_FROM_WORLD = se3.rigid(
    matrix_from_rotation_vector(np.array([0.0, 0.0, 0.7])), np.array([3.0, 2.0, 1.0])
)
ORIGIN = 'lat_deg', 'lon_deg', 'altitude_m'
CAM_FROM_ANTENNA = np.array([0.0, 0.0, 0.3])


def place_of(enu):
    """Latitude, longitude and altitude of a place that is near, meters east, north and up."""
    degree = HERE.enu_of(np.array([[48.0, 11.001, 500.0], [48.001, 11.0, 500.0]])) / 0.001
    return 48.0 + enu[1] / degree[1, 1], 11.0 + enu[0] / degree[0, 0], 500.0 + enu[2]


def test_satellites_say_in_a_bag_where_the_map_is(
    walk, config, source_of, whimsical, open_bag, tmp_path
):
    rng = np.random.default_rng(0)
    cam_from_antenna = se3.rigid(np.eye(3), CAM_FROM_ANTENNA)
    with open_bag(tmp_path / 'walk', 'mcap') as bag:
        bag.transform(1, 'cam_0', 'gps', cam_from_antenna)
        for frame in source_of(walk):
            antenna = ENU_FROM_WORLD @ frame.world_from_cam @ cam_from_antenna
            noisy = antenna[:3, 3] + 0.002 * rng.normal(size=3)
            bag.fix(frame.stamp_ns, place_of(noisy), 0.002**2)
            bag.frame(frame)
    config = with_values(config, {'refine.mode': 'poses', 'keyframe.min_parallax': 3.0})
    sequence = open_sequence(tmp_path / 'walk')
    result = map_sequence(sequence, config=config, predictor=whimsical)
    assert result.positions.why == ''
    assert (result.positions.method, result.positions.gauge) == ('adjusted', 'enu')
    assert (result.scale.is_metric, result.scale.source) == (True, 'gnss')
    # The axes are east, north and up of the first fix, whatever the map began with.
    origin = HERE.enu_of(np.array([[getattr(result.positions.origin, name) for name in ORIGIN]]))
    true = ENU_FROM_WORLD @ walk.world_from_cam
    off = result.poses.map_from_cam[:, :3, 3] + origin - true[:, :3, 3]
    assert np.linalg.norm(off, axis=1).max() < 0.02
    # Less than a meter of a straight way says where it leads, and not what is up.
    assert not result.positions.is_roll_known
    ahead = (result.poses.map_from_cam[:, :3, 2] * true[:, :3, 2]).sum(axis=1)
    assert np.degrees(np.arccos(ahead)).max() < 3.0
    # The session goes on from there.
    last = max(result.session.path)
    np.testing.assert_allclose(
        result.session.path[last].view.map_from_cam, result.poses.map_from_cam[last], atol=1e-9
    )
    priors = recorded_priors(sequence, uses_gnss=False)
    without = map_sequence(sequence, config=config, predictor=whimsical, priors=priors)
    assert not without.scale.is_metric
    assert without.positions.num_positions == 0


def test_two_cameras_stay_where_the_rig_has_them_and_the_map_is_in_meters(walk, config, source_of):
    places = make_rig(2, 0.3)
    stereo = replace(walk, world_from_cam=walk.world_from_cam[:19:6]).with_rig(places)
    # Depth, positions and rotations of the network are off, of each image by itself.
    errors = replace(NONE, log_scale=0.05, rotation_rad=0.02, translation=0.02)
    rig = RecordedRig(first_from_cam=tuple(places), base_from_cam=(None, None))
    result = map_sequence(
        source_of(stereo),
        config=with_values(config, {'refine.mode': 'verify', 'keyframe.min_parallax': 3.0}),
        predictor=SimulatedPredictor(stereo, errors, 0),
        priors=RecordedPriors(rig),
    )
    assert result.refinement.method in ('images', 'poses')
    assert (result.scale.is_metric, result.scale.source) == (True, 'rig')
    kept = result.poses.map_from_cam[result.keyframes]
    between = se3.inverse(kept[::2]) @ kept[1::2]
    np.testing.assert_allclose(between, np.tile(places[1], (len(between), 1, 1)), atol=1e-6)
    assert true_scale(result, stereo) == pytest.approx(1.0, abs=0.02)


def test_measured_depth_of_a_bag_makes_the_map_metric_unless_it_is_not_wanted(
    walk, config, source_of, truthful, whimsical, open_bag, tmp_path
):
    with open_bag(tmp_path / 'walk', 'mcap') as bag:
        for frame in source_of(walk, depth=True):
            bag.frame(frame, has_depth=True)
    config = with_values(config, {'scale.lock_after': 1})
    sequence = open_sequence(tmp_path / 'walk', depth_topic='/cam_0/depth')
    result = map_sequence(sequence, config=config, predictor=whimsical)
    assert result.scale.is_metric
    assert result.scale.source == 'depth'
    assert true_scale(result, walk) == pytest.approx(1.0, abs=0.02)
    priors = recorded_priors(sequence, uses_depth=False)
    without = map_sequence(sequence, config=config, predictor=truthful(walk), priors=priors)
    assert not without.scale.is_metric
    assert len(without.truth.depths) > 0


def test_depth_of_a_data_set_is_a_truth_unless_it_is_asked_for(walk, config, source_of, whimsical):
    source = source_of(walk, depth=True)
    config = with_values(config, {'scale.lock_after': 1})
    assert not recorded_priors(source).uses_depth
    priors = recorded_priors(source, uses_depth=True)
    result = map_sequence(source, config=config, predictor=whimsical, priors=priors)
    assert result.scale.source == 'depth'
    assert true_scale(result, walk) == pytest.approx(1.0, abs=0.02)
