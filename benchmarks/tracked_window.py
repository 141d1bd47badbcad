"""Made-up windows of feature tracks with exact truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
import numpy as np

from vggt_ros.geometry import se3
from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.mapping.refinement.network_start import NetworkEstimate
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.two_view import TwoView, verify_pair
from vggt_ros.mapping.refinement.window_tracks import window_tracks, WindowTracks

IMAGE_SIZE = (640, 480)
_FOCAL_PX = 520.0
_NEAR, _FAR = 2.5, 6.0
_SEEN_SHARE = 0.9
_PERIOD_PX = np.array([45.0, 0.0])
MOTIONS = ('sideways', 'forward', 'turning')


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """What is in a made-up window.

    Attributes:
        seed: The same plan gives the same window.
        num_cameras: S.
        num_points: Points of the scene; some have no track in the end.
        motion: One of `MOTIONS`.
        way: How far a camera moves from the first to the last, in what it sees nearest: 0.5 is
            ordinary, with 0.05 there are few pixels of parallax.
        noise_px: Standard deviation of observations along each axis.
        outliers: Share of observations that are anywhere in the image.
        moving: Share of the points that are on one thing that moves by itself.
        repeated: Share of the points that half of the cameras see one period of a texture beside.
        is_plane: True for points on a wall.
        strangers: Cameras that see another scene.
        focal_factor: Focal length that is believed over the true one.
    """

    seed: int = 0
    num_cameras: int = 7
    num_points: int = 300
    motion: str = 'sideways'
    way: float = 0.48
    noise_px: float = 0.3
    outliers: float = 0.0
    moving: float = 0.0
    repeated: float = 0.0
    is_plane: bool = False
    strangers: tuple[int, ...] = ()
    focal_factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackedWindow:
    """A window with its truth; N points, S cameras.

    Attributes:
        plan: What it is made of.
        window_from_cam: (S, 4, 4) true poses.
        points: (N, 3) true points, as the first camera sees them if they move.
        K: (S, 3, 3) true intrinsics.
        tracks: One track per point, whether it is right or not.
        depth: (N, S) true depth of the points.
    """

    plan: WindowPlan
    window_from_cam: Float[np.ndarray, 'S 4 4']
    points: Float[np.ndarray, 'N 3']
    K: Float[np.ndarray, 'S 3 3']
    tracks: FeatureTracks
    depth: Float[np.ndarray, 'N S']

    @property
    def median_depth(self) -> float:
        """Median depth of what is seen."""
        return float(np.median(self.depth[self.tracks.is_seen]))

    def seen(self, *, is_calibrated: bool = True) -> WindowTracks:
        """Return what features, matches and two-view geometry make of the window."""
        K = self.K.copy()
        K[:, (0, 1), (0, 1)] *= self.plan.focal_factor
        is_seen = self.tracks.is_seen
        uv = [self.tracks.uv[is_seen[:, i], i] for i in range(len(K))]
        return window_tracks(
            uv,
            self._pairs(uv, K, is_seen),
            K,
            is_calibrated=is_calibrated,
            image_size=IMAGE_SIZE,
        )

    def point_of(self, tracks: FeatureTracks) -> np.ndarray:
        """Return the row of the point that the first observation of each track is of."""
        first = np.argmax(tracks.is_seen, axis=1)
        feature = tracks.feature[np.arange(len(tracks)), first]
        rows = [np.flatnonzero(self.tracks.is_seen[:, i]) for i in range(len(self.K))]
        return np.array(
            [rows[i][k] for i, k in zip(first.tolist(), feature.tolist(), strict=True)], dtype=int
        )

    def estimate(
        self,
        tracks: FeatureTracks,
        *,
        turn_deg: float = 0.0,
        shift: float = 0.0,
        bend: float = 0.0,
        unit: float = 1.0,
        seed: int = 0,
    ) -> NetworkEstimate:
        """Return what a network might say about tracks of this window.

        Args:
            tracks: From `seen`, or the window's own.
            turn_deg: Standard deviation of the orientation of every camera but the first.
            shift: Of its position along each axis, in median depths.
            bend: Of the log of the depth, smooth over the image.
            unit: Its unit of length is this many of the truth's.
            seed: Of the errors.
        """
        rng = np.random.default_rng([self.plan.seed, seed, 1])
        count = len(self.K)
        turns = matrix_from_rotation_vector(np.radians(turn_deg) * rng.normal(size=(count, 3)))
        shifts = shift * self.median_depth * rng.normal(size=(count, 3))
        turns[0], shifts[0] = np.eye(3), 0.0
        poses = self.window_from_cam.copy()
        poses[:, :3, :3] = turns @ poses[:, :3, :3]
        poses[:, :3, 3] = (poses[:, :3, 3] + shifts) / unit
        phase = rng.uniform(0, 2 * np.pi, (2, count))
        along = 2 * np.pi * tracks.uv / np.array(IMAGE_SIZE)
        wave = np.sin(along[..., 0] + phase[0]) * np.cos(along[..., 1] + phase[1])
        depth = self.depth[self.point_of(tracks)] * np.exp(np.sqrt(2) * bend * wave) / unit
        return NetworkEstimate(
            window_from_cam=poses, track_depth=np.where(tracks.is_seen, depth, np.nan)
        )

    def _pairs(
        self,
        uv: Sequence[Float[np.ndarray, '_ 2']],
        K: Float[np.ndarray, 'S 3 3'],
        is_seen: Bool[np.ndarray, 'N S'],
    ) -> Mapping[tuple[int, int], TwoView]:
        pairs = {}
        for j in range(len(uv)):
            for i in range(j):
                both = is_seen[:, i] & is_seen[:, j]
                matches = self.tracks.feature[both][:, (i, j)]
                found = verify_pair(uv[i], uv[j], matches, K[i], K[j])
                if found is not None:
                    pairs[i, j] = found
        return pairs


def make_window(plan: WindowPlan) -> TrackedWindow:
    """Make up a window."""
    rng = np.random.default_rng([plan.seed, 77])
    K = np.array(
        [
            [_FOCAL_PX, 0.0, 0.5 * IMAGE_SIZE[0] - 0.5],
            [0.0, _FOCAL_PX, 0.5 * IMAGE_SIZE[1] - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    poses = _poses(rng, plan)
    points = _points(rng, plan, poses, K)
    in_cam = np.stack(
        [
            se3.transform(pose, places)
            for pose, places in zip(se3.inverse(poses), _moved(rng, plan, points), strict=True)
        ],
        axis=1,
    )
    depth = in_cam[..., 2]
    size = np.array(IMAGE_SIZE)
    with np.errstate(divide='ignore', invalid='ignore'):
        uv = in_cam[..., :2] / depth[..., None] * _FOCAL_PX + K[:2, 2]
    is_seen = (depth > 0.1) & ((uv >= 0) & (uv < size - 1)).all(axis=-1)
    is_seen &= rng.random(is_seen.shape) < _SEEN_SHARE
    uv += plan.noise_px * rng.normal(size=uv.shape)
    half = len(poses) // 2
    is_beside = rng.random(len(uv)) < plan.repeated
    uv[np.ix_(is_beside, np.arange(len(poses)) >= half)] += _PERIOD_PX
    is_outlier = rng.random(is_seen.shape) < plan.outliers
    is_outlier[:, plan.strangers] = True
    uv[is_outlier] = (size * rng.random((*uv.shape[:2], 2)))[is_outlier]
    # A stranger's features look like some of the scene's by chance.
    is_seen[:, plan.strangers] = rng.random((len(uv), len(plan.strangers))) < 0.15
    is_seen &= (is_seen.sum(axis=1) >= 2)[:, None]
    feature = np.where(is_seen, is_seen.cumsum(axis=0) - 1, -1)
    return TrackedWindow(
        plan=plan,
        window_from_cam=poses,
        points=points,
        K=np.repeat(K[None], len(poses), axis=0),
        tracks=FeatureTracks(
            feature=feature,
            uv=np.where(is_seen[..., None], uv, np.nan),
            sigma_px=np.ones(len(feature)),
        ),
        depth=depth,
    )


def _poses(rng: np.random.Generator, plan: WindowPlan) -> Float[np.ndarray, 'S 4 4']:
    along = np.linspace(0.0, 1.0, plan.num_cameras)
    position, turn = np.zeros((len(along), 3)), np.zeros((len(along), 3))
    if plan.motion == 'turning':
        turn[:, 1] = np.radians(40.0) * along
    elif plan.motion == 'forward':
        position[:, 2] = plan.way * _NEAR * along
    else:
        position[:, 0] = plan.way * _NEAR * along
        turn[:, 1] = np.radians(-10.0) * along
    sway = 0.0 if plan.motion == 'turning' else plan.way * _NEAR / 30.0
    position[1:] += sway * rng.normal(size=(len(along) - 1, 3))
    turn[1:] += 0.02 * rng.normal(size=(len(along) - 1, 3))
    return se3.rigid(matrix_from_rotation_vector(turn), position)


def _points(
    rng: np.random.Generator,
    plan: WindowPlan,
    poses: Float[np.ndarray, 'S 4 4'],
    K: Float[np.ndarray, '3 3'],
) -> Float[np.ndarray, 'N 3']:
    """Return points that fill the images of all cameras evenly."""
    camera = rng.integers(len(poses), size=plan.num_points)
    uv = rng.random((plan.num_points, 2)) * np.array(IMAGE_SIZE)
    rays = np.concatenate([(uv - K[:2, 2]) / _FOCAL_PX, np.ones((len(uv), 1))], axis=1)
    in_window = np.einsum('nij,nj->ni', poses[camera, :3, :3], rays)
    origin = poses[camera, :3, 3]
    if not plan.is_plane:
        depth = np.exp(rng.uniform(np.log(_NEAR), np.log(_FAR), len(uv)))
        return origin + depth[:, None] * in_window
    # A wall that is not seen straight on.
    normal = np.array([0.3, 0.1, 1.0])
    depth = (4.0 - origin @ normal) / (in_window @ normal)
    return origin + depth[:, None] * in_window


def _moved(
    rng: np.random.Generator, plan: WindowPlan, points: Float[np.ndarray, 'N 3']
) -> Float[np.ndarray, 'S N 3']:
    """Return where the points are when each of the cameras sees them."""
    moves = rng.random(len(points)) < plan.moving
    direction = np.array([0.6, 0.1, 0.3])
    turn = np.array([0.0, 0.25, 0.1])
    center = points[moves].mean(axis=0) if moves.any() else np.zeros(3)
    found = np.repeat(points[None], plan.num_cameras, axis=0)
    for i, along in enumerate(np.linspace(0.0, 1.0, plan.num_cameras)):
        rotation = matrix_from_rotation_vector(along * turn)
        found[i, moves] = (points[moves] - center) @ rotation.T + center + along * direction
    return found
