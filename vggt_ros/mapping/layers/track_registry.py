"""Points with names that outlast a window."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from jaxtyping import Bool, Float, Float32, UInt8, UInt32
import numpy as np

from vggt_ros.geometry.pinhole import unproject
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.prediction import Prediction, Tracks
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.map_update import FrameTracks
from vggt_ros.settings.config import TrackSettings

# Corners are looked for in an image of about this width: enough for a place, and fast.
_CORNER_WIDTH_PX = 640
_CORNER_QUALITY = 0.005
# Distance between corners, in sides of the square that each would have if all were spread evenly.
_CORNER_SPACING = 0.6
_NUM_IDS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Queries:
    """Points of the first frame of a window that are to be followed; N of them.

    Attributes:
        ids: (N,) names of the points.
        uv_image: (N, 2) pixels of the camera's image.
    """

    ids: UInt32[np.ndarray, ' N']
    uv_image: Float32[np.ndarray, 'N 2']


class TrackRegistry:
    """Remembers where the newest window saw its points, so that the next one keeps their ids."""

    def __init__(self) -> None:
        self._next_id = 0
        self._sightings: dict[int, tuple[Queries, Float32[np.ndarray, ' N']]] = {}
        self._grid: ImageGrid | None = None

    def clear(self) -> None:
        """Forget all points; their ids are not used again."""
        self._sightings.clear()
        self._grid = None

    def queries(self, frame: Frame, settings: TrackSettings) -> Queries | None:
        """Return the points to follow from `frame`: known ones that it sees, and new corners.

        Args:
            frame: The first frame of a window.
            settings: How many points, and how visible a known one must be.

        Returns:
            At most `num_points` points, None if the image has no corners.
        """
        known = self._seen_in(frame, settings)
        free = settings.num_points - len(known.ids)
        corners = _corners(frame.image, known.uv_image, free, settings.num_points, self._grid)
        ids = (self._next_id + np.arange(len(corners))) % _NUM_IDS
        self._next_id = (self._next_id + len(corners)) % _NUM_IDS
        queries = Queries(
            ids=np.concatenate([known.ids, ids.astype(np.uint32)]),
            uv_image=np.concatenate([known.uv_image, corners]),
        )
        return queries if len(queries.ids) else None

    def record(self, window: Window, queries: Queries, prediction: Prediction) -> None:
        """Remember where a window that entered the map saw its points."""
        tracks = prediction.tracks
        assert tracks is not None, 'points were asked for'
        self._grid = prediction.grid
        self._sightings.clear()
        for i, frame in enumerate(window.frames):
            uv_image = prediction.grid.image_from_model(tracks.positions[i]).astype(np.float32)
            sighting = Queries(ids=queries.ids, uv_image=uv_image)
            # What left the network's image is as good as hidden.
            inside = _is_inside(tracks.positions[i], *prediction.depth.shape[2:0:-1])
            self._sightings[frame.id] = (sighting, tracks.visibility[i] * inside)

    def _seen_in(self, frame: Frame, settings: TrackSettings) -> Queries:
        nothing = Queries(ids=np.zeros(0, np.uint32), uv_image=np.zeros((0, 2), np.float32))
        if frame.id not in self._sightings:
            return nothing
        sighting, visibility = self._sightings[frame.id]
        # Never hidden ones, whatever the limit: a limit of 0 would follow them for ever.
        seen = (visibility >= settings.min_visibility) & (visibility > 0)
        best = np.flatnonzero(seen)[: settings.num_points]
        return Queries(ids=sighting.ids[best], uv_image=sighting.uv_image[best])


def frame_tracks(
    queries: Queries,
    tracks: Tracks,
    row: int,
    depth: Float32[np.ndarray, 'H W'],
    K: Float[np.ndarray, '3 3'],
) -> FrameTracks:
    """Return the points as one frame of a window sees them.

    Args:
        queries: Names of the N points.
        tracks: Where they are in the S frames of the window.
        row: Which of the frames, 0..S-1.
        depth: (H, W) depth of that frame, map units, NaN where there is none.
        K: (3, 3) intrinsics in pixels of `depth`.
    """
    uv = tracks.positions[row]
    height, width = depth.shape
    inside = _is_inside(uv, width, height)
    # The nearest pixel, not a mixture: across an outline a mixture would float in the air.
    u, v = np.rint(np.where(inside[:, None], uv, 0)).astype(np.int64).T
    depth_at_uv = np.where(inside, depth[v, u], np.float32(np.nan))
    return FrameTracks(
        ids=queries.ids,
        uv=uv,
        points_in_cam=unproject(uv, depth_at_uv, K).astype(np.float32),
        visibility=tracks.visibility[row],
        confidence=tracks.confidence[row],
    )


def _is_inside(uv: Float32[np.ndarray, 'N 2'], width: int, height: int) -> Bool[np.ndarray, ' N']:
    # Also False for NaN.
    return np.asarray(((uv > -0.5) & (uv < (width - 0.5, height - 0.5))).all(axis=1))


def _corners(
    image: UInt8[np.ndarray, 'H W 3'],
    taken_uv: Float32[np.ndarray, 'n 2'],
    num_free: int,
    num_points: int,
    grid: ImageGrid | None,
) -> Float32[np.ndarray, 'm 2']:
    """Return up to `num_free` corners, spread out and away from `taken_uv`, best first."""
    if num_free <= 0:
        return np.zeros((0, 2), np.float32)
    height, width = image.shape[:2]
    factor = max(1, round(width / _CORNER_WIDTH_PX))
    size = (max(1, width // factor), max(1, height // factor))
    gray = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    scale = np.array([size[0] / width, size[1] / height])
    spacing_px = max(1.0, _CORNER_SPACING * float(np.sqrt(gray.size / num_points)))

    mask = np.full(gray.shape, 255, np.uint8)
    if grid is not None and (grid.image_width, grid.image_height) == (width, height):
        mask[~_visible_to_network(grid, scale, gray.shape)] = 0
    for u, v in np.rint((taken_uv + 0.5) * scale - 0.5).astype(int):
        cv2.circle(mask, (int(u), int(v)), round(spacing_px), 0, -1)
    corners = cv2.goodFeaturesToTrack(gray, num_free, _CORNER_QUALITY, spacing_px, mask=mask)
    if corners is None:
        return np.zeros((0, 2), np.float32)
    return ((corners.reshape(-1, 2) + 0.5) / scale - 0.5).astype(np.float32)


def _visible_to_network(
    grid: ImageGrid, scale: Float[np.ndarray, ' 2'], shape: tuple[int, ...]
) -> Bool[np.ndarray, 'h w']:
    """Return True for the pixels of the small image that the network's crop contains."""
    v, u = np.indices(shape)
    uv_image = (np.stack([u, v], axis=-1).reshape(-1, 2) + 0.5) / scale - 0.5
    uv_model = grid.model_from_image(uv_image).astype(np.float32)
    return _is_inside(uv_model, grid.model_width, grid.model_height).reshape(shape)
