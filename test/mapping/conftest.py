from dataclasses import replace
import threading
import time

import numpy as np
import pytest
import torch

from vggt_ros.geometry import se3
from vggt_ros.geometry.pinhole import project, unproject
from vggt_ros.geometry.rotation import matrix_from_quat_xyzw, matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import align_sim3, Sim3
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.pixel_filter import keep_mask
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted
from vggt_ros.mapping.refinement.features import Features
from vggt_ros.mapping.refinement.keyframe_features import pack_features
from vggt_ros.mapping.refinement.pair_verification import KeyframeView
from vggt_ros.mapping.registration.submap import submap_from_prediction
from vggt_ros.mapping.registration.window_estimate import window_estimate, WindowEstimate
from vggt_ros.mapping.registration.window_priors import WindowPriors
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import with_values

IMAGE_SIZE = (80, 60)
HALF_ROOM = np.array([4.0, 1.5, 3.0])
PERIOD_NS = 100_000_000


def world_from_cam(index):
    """A walk in the box-shaped room that never comes back exactly."""
    yaw, pitch = 0.35 * np.sin(0.11 * index) + 0.02 * index, 0.1 * np.cos(0.07 * index)
    quat_xyzw = np.array([np.sin(pitch / 2), np.sin(yaw / 2), 0.02, 1.0])
    center = np.array([1.5 * np.sin(0.13 * index), 0.3 * np.cos(0.2 * index), 0.05 * index % 1])
    return se3.rigid(matrix_from_quat_xyzw(quat_xyzw), center)


def grid_of(width, height):
    return ImageGrid(
        image_width=width,
        image_height=height,
        model_width=width // 2,
        model_height=height // 2,
        scale_u=0.5,
        scale_v=0.5,
        offset_u=0,
        offset_v=0,
    )


def K_of(width, height):
    return np.array([[0.8 * width, 0, width / 2], [0, 0.8 * width, height / 2], [0, 0, 1.0]])


def depth_of_room(uv, pose, K):
    """Distance along the optical axis to the walls: exact."""
    rays = unproject(uv, np.ones(uv.shape[:-1]), K) @ pose[:3, :3].T
    with np.errstate(divide='ignore'):
        to_walls = (np.sign(rays) * HALF_ROOM - pose[:3, 3]) / rays
    return np.nanmin(to_walls, axis=-1)


def image_of(index, size=IMAGE_SIZE):
    """A picture with corners that says, in its first pixel, which frame it is."""
    rng = np.random.default_rng(index // 7)
    image = rng.integers(0, 255, (size[1] // 10, size[0] // 10, 3), np.uint8)
    image = image.repeat(10, axis=0).repeat(10, axis=1)
    image[0, 0] = (index // 256, index % 256, 77)
    return image


def index_of(image):
    high, low, mark = image[0, 0].tolist()
    assert mark == 77
    return 256 * high + low


def descriptor_of(index):
    """What tells where in the room a frame was taken, of length 1."""
    pose = world_from_cam(index)
    waves = np.random.default_rng(3).normal(size=(32, 6))
    found = np.cos(waves @ np.concatenate([2 * pose[:3, 3], pose[:3, 2]])).astype(np.float32)
    return found / np.linalg.norm(found)


class TruthfulPredictor:
    """Answers with the truth, each time in another unit and another world.

    Attributes:
        focal_error: Predicted over true focal length.
        max_log_unit: How different the units of its answers are, as a log; 0 for meters.
        delay_s: How long an answer takes.
        failures: Errors to raise instead of the next answers.
        release: If not None, an answer waits for it; `entered` says that one does.
        spoil: Changes the parts of an answer before it is given.
        windows: Indices of the frames of every call.
        requests: What was asked.
        encoded: Ids of the frames that were encoded before their window was complete.
    """

    capabilities = Capabilities(follows_points=True, encodes_on_arrival=True)

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.focal_error = 1.0
        self.max_log_unit = 1.5
        self.delay_s = 0.0
        self.failures = []
        self.release = None
        self.entered = threading.Event()
        self.spoil = lambda parts: None
        self.windows = []
        self.requests = []
        self.encoded = []

    def encode(self, frame_id, image):
        self.encoded.append(frame_id)

    def predict(self, images, request, *, frame_ids=None):
        # Images that were kept as JPEG no longer say it.
        indices = [index_of(i) for i in images] if frame_ids is None else list(frame_ids)
        self.windows.append(indices)
        self.requests.append(request)
        self.entered.set()
        if self.release is not None:
            assert self.release.wait(10)
        time.sleep(self.delay_s)
        if self.failures:
            raise self.failures.pop(0)
        parts = self._truth(images, indices, request)
        if request.depth_frames is not None:
            skipped = [i for i in range(len(images)) if i not in request.depth_frames]
            for name in ('depth', 'depth_conf', 'points_in_world', 'points_conf'):
                if parts[name] is not None:
                    parts[name][skipped] = np.nan
        self.spoil(parts)
        return Prediction(**parts, keep=self._keep(parts, request))

    def _keep(self, parts, request):
        confidence = parts['depth_conf' if parts['points_conf'] is None else 'points_conf']
        depth, confidence = torch.from_numpy(parts['depth']), torch.from_numpy(confidence)
        inside = torch.from_numpy(parts['grid'].inside())
        return keep_mask(depth, confidence, inside, request.filter).numpy()

    def _truth(self, images, indices, request):
        height, width = images[0].shape[:2]
        grid, S = grid_of(width, height), len(images)
        K_image = K_of(width, height)
        K_model = grid.K_model_from_image(K_image)
        unit = float(np.exp(self.max_log_unit * self.rng.uniform(-1, 1)))
        own = se3.rigid(matrix_from_quat_xyzw(self.rng.normal(size=4)), self.rng.normal(size=3))
        poses = np.stack([own @ world_from_cam(index) for index in indices])
        poses[:, :3, 3] *= unit
        v, u = np.indices((grid.model_height, grid.model_width))
        uv = np.stack([u, v], axis=-1).astype(float)
        depth = np.stack([depth_of_room(uv, world_from_cam(i), K_model) for i in indices])
        shape = (S, grid.model_height, grid.model_width)
        points = np.stack(
            [
                se3.transform(pose, unproject(uv, unit * d, K_model))
                for pose, d in zip(poses, depth, strict=True)
            ]
        )
        wrong_K = np.diag([self.focal_error, self.focal_error, 1.0])
        return {
            'grid': grid,
            'images': np.stack([image[::2, ::2] for image in images]),
            'depth': (unit * self.focal_error * depth).astype(np.float32),
            'depth_conf': self.rng.uniform(1, 10, shape).astype(np.float32),
            'cam_from_world': se3.inverse(poses),
            'K_model': _with_focal(K_model, wrong_K, S),
            'K_image': _with_focal(K_image, wrong_K, S),
            'points_in_world': points.astype(np.float32) if request.point_head else None,
            'points_conf': np.ones(shape, np.float32) if request.point_head else None,
            'tracks': self._tracks(indices, request, grid, K_image),
            'descriptors': np.stack([descriptor_of(index) for index in indices]),
        }

    def _tracks(self, indices, request, grid, K_image):
        if request.query_points is None:
            return None
        uv = request.query_points.astype(float)
        first = world_from_cam(indices[0])
        in_world = se3.transform(first, unproject(uv, depth_of_room(uv, first, K_image), K_image))
        positions = []
        for index in indices:
            in_cam = se3.transform(se3.inverse(world_from_cam(index)), in_world)
            positions.append(grid.model_from_image(project(in_cam, K_image)))
        positions = np.nan_to_num(np.stack(positions), nan=-1e4).astype(np.float32)
        ones = np.ones(positions.shape[:2], np.float32)
        return Tracks(positions=positions, visibility=ones, confidence=ones)


def _with_focal(K, wrong_K, count):
    changed = K.copy()
    changed[:2, :2] = changed[:2, :2] @ wrong_K[:2, :2]
    return np.stack([changed] * count)


@pytest.fixture
def predictor():
    return TruthfulPredictor()


@pytest.fixture(scope='session')
def make_predictor():
    return TruthfulPredictor


@pytest.fixture(scope='session')
def make_frame():
    """Make the i-th frame of the walk, 0.1 s after the one before."""

    def make(index, *, stamp_ns=None, size=IMAGE_SIZE, K=None, image=None, camera=0):
        return Frame(
            id=index,
            stamp_ns=PERIOD_NS * (index + 1) if stamp_ns is None else stamp_ns,
            camera_frame='camera_optical',
            image=image_of(index, size) if image is None else image,
            K=K,
            camera=camera,
        )

    return make


@pytest.fixture(scope='session')
def true_pose():
    return world_from_cam


@pytest.fixture(scope='session')
def true_K():
    return K_of(*IMAGE_SIZE)


@pytest.fixture(scope='session')
def make_view():
    """Make what is said about a window; all frames are inliers unless said otherwise."""

    def make(
        window,
        prediction,
        *,
        is_inlier=None,
        inconsistency=None,
        odom_from_cam=None,
        base=None,
        up_in_cam=(),
    ):
        count = len(window.frames)
        return WindowEstimate(
            window=window,
            submap=submap_from_prediction(window, prediction),
            inconsistency=np.full(count, 0.02) if inconsistency is None else inconsistency,
            is_inlier=np.ones(count, dtype=bool) if is_inlier is None else is_inlier,
            priors=WindowPriors(
                odom_from_cam=(None,) * count if odom_from_cam is None else tuple(odom_from_cam),
                base_from_cam=(base,) * count,
                first_from_cam=(None,) * count,
                depth_m=(None,) * count,
                up_in_cam=tuple(up_in_cam),
            ),
        )

    return make


@pytest.fixture(scope='session')
def make_config():
    """Make settings under which every frame is a keyframe; override them by dotted name.

    The images are not asked: most tests have noise for images.
    """

    def make(**values):
        dotted = {name.replace('__', '.'): value for name, value in values.items()}
        every_frame = {
            'keyframe.min_parallax': 0.0,
            'cloud.edge_rtol': 0.0,
            'map.voxel_size': 0.05,
            'window.size': 6,
            'window.overlap': 3,
            'refine.mode': 'off',
        }
        return with_values(VggtConfig(), every_frame | dotted)

    return make


CAMERA_SIZE = (640, 480)
CAMERA_K = np.array([[525.0, 0, 319.5], [0, 525.0, 239.5], [0, 0, 1]])


def root_sift(rng, count):
    """Descriptors like those of images: not negative, of length 1, most entries small."""
    histograms = rng.gamma(0.5, size=(count, 128)) + 0.02
    return np.sqrt(histograms / histograms.sum(axis=1, keepdims=True)).astype(np.float32)


class PointScene:
    """Points in a world, each with what it looks like."""

    def __init__(self, points, descriptors):
        self.points = points
        self.descriptors = descriptors

    @classmethod
    def room(cls, seed, count=400, center=(0.0, 0.0, 3.0), size=(4.0, 3.0, 2.0)):
        rng = np.random.default_rng([11, seed])
        points = np.array(center) + rng.uniform(-0.5, 0.5, (count, 3)) * size
        return cls(points, root_sift(rng, count))

    def moved(self, shift):
        """The very same things somewhere else."""
        return PointScene(self.points + np.asarray(shift), self.descriptors)

    def __add__(self, other):
        return PointScene(
            np.concatenate([self.points, other.points]),
            np.concatenate([self.descriptors, other.descriptors]),
        )

    def seen_from(
        self,
        world_from_cam,
        rng=None,
        noise_px=0.5,
        look_noise=0.01,
        depth_noise=0.01,
        known=1.0,
        place_from_world=None,
    ):
        """A keyframe of a camera, in a frame and a unit of its own."""
        rng = np.random.default_rng(0) if rng is None else rng
        in_cam = se3.transform(se3.inverse(world_from_cam), self.points)
        uv = project(in_cam, CAMERA_K)
        with np.errstate(invalid='ignore'):
            inside = (uv >= 0).all(axis=1) & (uv < CAMERA_SIZE).all(axis=1)
        rows = rng.permutation(np.flatnonzero(inside))
        uv = uv[rows] + noise_px * rng.normal(size=(len(rows), 2))
        looks = np.abs(self.descriptors[rows] + look_noise * rng.normal(size=(len(rows), 128)))
        looks /= np.linalg.norm(looks, axis=1, keepdims=True)
        stretch = np.exp(depth_noise * rng.normal(size=(len(rows), 1)))
        points = in_cam[rows] * stretch
        points[rng.random(len(rows)) >= known] = np.nan
        place = Sim3(1.0, np.eye(3), np.zeros(3)) if place_from_world is None else place_from_world
        features = Features(uv=uv.astype(np.float32), descriptors=looks.astype(np.float32))
        return KeyframeView(
            features=pack_features(features, place.scale * points, CAMERA_K, CAMERA_SIZE),
            place_from_cam=place.apply_to_pose(world_from_cam),
        )


@pytest.fixture(scope='session')
def point_scene():
    """The class of scenes of points."""
    return PointScene


@pytest.fixture(scope='session')
def pose_at():
    """Make world_from_cam of a camera: where it is and how it is turned, degrees about y."""

    def make(x=0.0, y=0.0, z=0.0, yaw_deg=0.0):
        rotation = matrix_from_rotation_vector(np.radians([0.0, yaw_deg, 0.0]))
        return se3.rigid(rotation, np.array([x, y, z]))

    return make


@pytest.fixture(scope='session')
def drift():
    """place_from_world of a place whose map has drifted, in another unit."""
    rotation = matrix_from_rotation_vector(np.array([0.2, -0.5, 0.1]))
    return Sim3(1.7, rotation, np.array([3.0, -1.0, 0.4]))


class PaintedHall:
    """Frames of a way through a hall with images, the truth, and what a network says of them."""

    def __init__(self, num_frames=40, width=320, height=240):
        from vggt_ros.synthetic.course import make_course
        from vggt_ros.synthetic.course_camera import CourseCamera

        scale = 4
        course = make_course('figure_eight', num_frames, 0)
        self.course = course.with_pictures(
            width=width // scale, height=height // scale, image_scale=scale
        )
        self._camera = CourseCamera(self.course)
        self._images = {}

    def frame(self, index, *, is_calibrated=True, image=None):
        if image is None:
            if index not in self._images:
                self._images[index] = self._camera.image(index)
            image = self._images[index]
        K = self.course.K_image if is_calibrated else None
        return Frame(
            id=index, stamp_ns=PERIOD_NS * (index + 1), camera_frame='camera', image=image, K=K
        )

    def window(self, *indices, num_overlap=0, **frame):
        frames = [self.frame(index, **frame) for index in indices]
        return Window.of_frames(frames, num_overlap)

    def predict(self, window, errors=None, seed=0):
        from vggt_ros.inference.prediction import Request
        from vggt_ros.synthetic.simulated_predictor import SimulatedPredictor

        frames = window.frames
        predictor = SimulatedPredictor(self.course, errors, seed)
        return predictor.predict(
            [frame.image for frame in frames], Request(), frame_ids=[f.id for f in frames]
        )

    def world_from_cam(self, indices):
        return self.course.world_from_cam[list(indices)]


@pytest.fixture(scope='session')
def hall():
    return PaintedHall()


@pytest.fixture(scope='session')
def make_seeing_mapper(make_predictor, make_config, make_view, true_pose, point_scene):
    """Make a mapper whose images show a room at the true poses; `seed` of another building."""

    def make(seed=1, **settings):
        rng = np.random.default_rng(0)
        room = point_scene.room(seed, count=1500, center=(0, 0, 0), size=(8, 3, 6))
        mapper = Mapper(make_predictor(seed), make_config(**settings), offline=True)

        def asked(predicted, prediction):
            window = predicted.window
            submap = submap_from_prediction(window, prediction)
            priors = make_view(window, prediction).priors
            estimate = window_estimate(window, submap, priors, None)
            poses = np.stack([true_pose(frame.id) for frame in window.frames])
            unit = align_sim3(poses[:, :3, 3], submap.ref_from_cam[:, :3, 3]).scale
            features = {
                frame.id: room.seen_from(pose, rng).features.scaled(unit)
                for frame, pose in zip(window.frames, poses, strict=True)
            }
            return replace(estimate, features=features)

        mapper._estimate = asked
        return mapper

    return make


@pytest.fixture(scope='session')
def walk(make_frame):
    """Send frames of the walk through a mapper; return what every window brought."""

    def run(mapper, indices, shift_ns=0):
        updates = []
        for index in indices:
            frame = make_frame(index)
            mapper.add_frame(replace(frame, stamp_ns=frame.stamp_ns + shift_ns))
            while (window := mapper.wait_for_window(0.0)) is not None:
                updates.append(mapper.process(window, Wanted(tracks=False)))
        return updates

    return run
