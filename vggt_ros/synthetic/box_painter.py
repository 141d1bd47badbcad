"""Pictures of places made of boxes: textured, without aliasing, fast on one core."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Float32, Int, UInt8
import numpy as np

from vggt_ros.geometry.se3 import inverse, transform
from vggt_ros.synthetic.box_world import BoxWorld
from vggt_ros.synthetic.gray_atlas import leaf_atlas

_NEAR_M = 1e-3
_TINY = np.float32(1e-9)
_MIN_COSINE = np.float32(0.02)
# A pixel covers more along a slope than across it; the mean of both blurs less than the larger
# one, and with this power hardly flickers.
_SLOPE_POWER = np.float32(0.7)
_SHADE = np.array([0.86, 0.92, 1.0, 0.94, 0.9, 0.8], np.float32)  # of the faces -x +x -y +y -z +z
_NOISE_GRAY = 1.5
_FACES = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hits:
    """What the rays of an image meet first: its depth and which surface it is."""

    depth: Float32[np.ndarray, 'H W']
    surface: Int[np.ndarray, 'H W']


class BoxPainter:
    """Paints what a camera sees in a `BoxWorld`.

    Boxes of the same style have the same textures, relative to their lowest corners: a copy of a
    box elsewhere looks the same.
    """

    def __init__(self, world: BoxWorld, seed: int) -> None:
        """Choose the textures.

        Args:
            world: What can be seen.
            seed: Decides which texture is where.
        """
        self._world = world
        self._atlas = leaf_atlas()
        # The hall has a style of its own, and what else there is does not change it.
        styles = [0, *(1 + world.styles).tolist()]
        size = self._atlas.size
        picture, moved, tint = [], [], []
        for style in styles:
            rng = np.random.default_rng([seed, 17, style])
            picture.append(rng.integers(0, self._atlas.num_pictures, _FACES))
            moved.append(rng.uniform(0, size, (_FACES, 2)).astype(np.float32))
            tint.append(rng.uniform(0.6, 1.0, (_FACES, 3)).astype(np.float32) * _SHADE[:, None])
        corner = np.concatenate([world.hall[None, 0], world.boxes[:, 0]]).astype(np.float32)
        texels_per_m = np.float32(size / world.tile_m)
        self._texels_per_m = texels_per_m
        self._picture = np.concatenate(picture)
        self._tint = np.concatenate(tint)
        # Faces across x and y show (along the face, height); the others (x, y).
        across = np.arange(_FACES) // 2
        first, second = np.where(across == 0, 1, 0), np.where(across == 2, 1, 2)
        offset = np.stack(moved)
        self._u = (offset[..., 0] - texels_per_m * corner[:, first]).ravel()
        self._v = (offset[..., 1] - texels_per_m * corner[:, second]).ravel()

    def paint(
        self,
        world_from_cam: Float[np.ndarray, '4 4'],
        K: Float[np.ndarray, '3 3'],
        width: int,
        height: int,
    ) -> UInt8[np.ndarray, 'height width 3']:
        """Return the RGB image of a camera inside the hall; the same one for the same pose.

        Args:
            world_from_cam: (4, 4) pose, OpenCV axes, outside of all boxes.
            K: (3, 3) intrinsics, pixels.
            width: Columns.
            height: Rows.
        """
        x = (np.arange(width, dtype=np.float32) - np.float32(K[0, 2])) / np.float32(K[0, 0])
        y = (np.arange(height, dtype=np.float32) - np.float32(K[1, 2])) / np.float32(K[1, 1])
        rotation = world_from_cam[:3, :3].astype(np.float32)
        direction = (
            rotation[:, 0, None, None] * x[None, None]
            + rotation[:, 1, None, None] * y[None, :, None]
            + rotation[:, 2, None, None]
        )
        hits = self._cast(world_from_cam, K, direction)
        gray = self._shade(
            world_from_cam[:3, 3].astype(np.float32), direction, hits, float(K[0, 0])
        )
        image = (255.0 * gray)[..., None] * self._tint[hits.surface]
        # Where the robot stands the pictures are the same.
        rng = np.random.default_rng(np.frombuffer(world_from_cam.tobytes(), np.uint32))
        image += np.float32(_NOISE_GRAY) * rng.standard_normal((height, width, 1), np.float32)
        painted: UInt8[np.ndarray, 'height width 3'] = np.rint(image).clip(0, 255).astype(np.uint8)
        return painted

    def _cast(
        self,
        world_from_cam: Float[np.ndarray, '4 4'],
        K: Float[np.ndarray, '3 3'],
        direction: Float32[np.ndarray, '3 H W'],
    ) -> _Hits:
        """Meet all rays with the hall and the boxes, each box only where it may be seen.

        Slabs of Kay and Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986. The ray's parameter
        is the depth: its z in the camera is 1.
        """
        height, width = direction.shape[1:]
        reciprocal = 1.0 / np.where(np.abs(direction) < _TINY, _TINY, direction)
        center = world_from_cam[:3, 3]
        hall = (self._world.hall - center).astype(np.float32)
        is_up = direction > 0
        out = np.where(is_up, hall[1, :, None, None], hall[0, :, None, None]) * reciprocal
        depth = out.min(axis=0)
        axis = out.argmin(axis=0)
        # Face 2 axis is the lower one, 2 axis + 1 the upper one; a ray leaves by the upper face
        # of the hall, and enters a box by the lower one, where it goes up.
        surface = 2 * axis + np.take_along_axis(is_up, axis[None], 0)[0]
        boxes = (self._world.boxes - center).astype(np.float32)
        regions = _regions(self._world.boxes, world_from_cam, K, width, height)
        for k, (left, top, right, bottom) in regions:
            part = slice(top, bottom), slice(left, right)
            inv = reciprocal[:, part[0], part[1]]
            a, b = boxes[k, 0, :, None, None] * inv, boxes[k, 1, :, None, None] * inv
            entry = np.minimum(a, b)
            near = entry.max(axis=0)
            far = np.maximum(a, b, out=b).min(axis=0)
            is_hit = (near <= far) & (near > _NEAR_M) & (near < depth[part])
            if not is_hit.any():
                continue
            depth[part][is_hit] = near[is_hit]
            axis = entry[:, is_hit].argmax(axis=0)
            up = np.take_along_axis(is_up[:, part[0], part[1]][:, is_hit], axis[None], 0)[0]
            surface[part][is_hit] = _FACES * (k + 1) + 2 * axis + ~up
        return _Hits(depth=depth, surface=surface)

    def _shade(
        self,
        center: Float32[np.ndarray, ' 3'],
        direction: Float32[np.ndarray, '3 H W'],
        hits: _Hits,
        focal_px: float,
    ) -> Float32[np.ndarray, 'H W']:
        point = center[:, None, None] + hits.depth * direction
        axis = (hits.surface % _FACES) // 2
        u_m = np.where(axis == 0, point[1], point[0])
        v_m = np.where(axis == 2, point[1], point[2])
        length = np.sqrt((direction * direction).sum(axis=0))
        facing = np.abs(np.take_along_axis(direction, axis[None], 0)[0]) / length
        slope = np.maximum(facing, _MIN_COSINE) ** _SLOPE_POWER
        texels = self._texels_per_m
        covered = hits.depth * (texels / np.float32(focal_px)) / slope
        return self._atlas.sample(
            self._picture[hits.surface],
            texels * u_m + self._u[hits.surface],
            texels * v_m + self._v[hits.surface],
            covered,
        )


def _regions(
    boxes: Float[np.ndarray, 'n 2 3'],
    world_from_cam: Float[np.ndarray, '4 4'],
    K: Float[np.ndarray, '3 3'],
    width: int,
    height: int,
) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Return (number, (left, top, right, bottom)) of the boxes that may be in the image.

    The rectangles end before right and bottom; nearer boxes come first, so that those behind them
    are met in vain less often.
    """
    if not len(boxes):
        return []
    pick = np.array([[i >> k & 1 for k in range(3)] for i in range(8)])
    corners = np.stack([boxes[:, pick[:, k], k] for k in range(3)], axis=-1)
    in_cam = transform(inverse(world_from_cam), corners)
    z = in_cam[..., 2]
    is_whole = (z > _NEAR_M).all(axis=1, keepdims=True)
    uv = in_cam[..., :2] / np.where(z > _NEAR_M, z, 1.0)[..., None]
    uv = uv * np.diag(K)[:2] + K[:2, 2]
    size = np.array([width, height])
    # A box that reaches behind the camera may be anywhere.
    low = np.where(is_whole, np.ceil(uv.min(axis=1)) - 1, 0.0).clip(0, size)
    high = np.where(is_whole, np.floor(uv.max(axis=1)) + 2, size).clip(0, size)
    low, high = low.astype(int), high.astype(int)
    seen = np.flatnonzero((z > _NEAR_M).any(axis=1) & (high > low).all(axis=1))
    seen = seen[np.argsort(z.min(axis=1)[seen], kind='stable')]
    return [(int(k), (*low[k].tolist(), *high[k].tolist())) for k in seen]
