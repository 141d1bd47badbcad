"""Rectification of a source's frames: images and depth of lenses become those of pinholes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from jaxtyping import Bool, Float, Float32, UInt8
import numpy as np

from vggt_ros.errors import InputError, SourceError
from vggt_ros.geometry.depth_rectifier import DepthRectifier
from vggt_ros.geometry.lens import Lens, Rectifier
from vggt_ros.sources.source import Distortion

# Maps take 8 bytes a pixel; a source has few cameras, or a camera of its own for each image.
_MAX_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rectified:
    """What a pinhole camera would have seen.

    Attributes:
        image: (H, W, 3) RGB.
        K: (3, 3) its intrinsics, pixels.
        is_seen: (H, W) False where it shows nothing; None if it shows something everywhere.
        depth: (H, W) meters, NaN where unknown; None if there is none.
    """

    image: UInt8[np.ndarray, 'H W 3']
    K: Float[np.ndarray, '3 3']
    is_seen: Bool[np.ndarray, 'H W'] | None
    depth: Float32[np.ndarray, 'H W'] | None


class Rectification:
    """Rectifies the frames of one source; the maps of the last few cameras are kept."""

    def __init__(self, name: str) -> None:
        """Have no maps yet.

        Args:
            name: Of the source, for errors.
        """
        self._name = name
        self._kept: OrderedDict[object, tuple[Rectifier, DepthRectifier]] = OrderedDict()

    def apply(
        self,
        image: UInt8[np.ndarray, 'H W 3'],
        K: Float[np.ndarray, '3 3'],
        distortion: Distortion,
        depth: Float32[np.ndarray, 'h w'] | None = None,
        *,
        where: object = 'the image',
    ) -> Rectified:
        """Rectify an image and its depth.

        Args:
            image: As recorded.
            K: Its intrinsics.
            distortion: Of the lens.
            depth: Of the same view and size, None if there is none.
            where: Name of the image, for errors.

        Raises:
            SourceError: The calibration makes no sense for the image, or the depth has another
                size.
        """
        height, width = image.shape[:2]
        if depth is not None and depth.shape != (height, width):
            raise SourceError(
                f'the depth of {where} has the size {depth.shape[1]} x {depth.shape[0]}, the '
                f'image {width} x {height}; to be rectified both must have one size'
            )
        rectifier, depth_rectifier = self._rectifier((width, height), K, distortion)
        return Rectified(
            image=rectifier.rectify(image),
            K=rectifier.K,
            is_seen=rectifier.is_seen,
            depth=None if depth is None else depth_rectifier.rectify(depth),
        )

    def _rectifier(
        self, size: tuple[int, int], K: Float[np.ndarray, '3 3'], distortion: Distortion
    ) -> tuple[Rectifier, DepthRectifier]:
        key = size, K.tobytes(), distortion.model, distortion.D.tobytes()
        if key not in self._kept:
            width, height = size
            try:
                lens = Lens(
                    model=distortion.model,
                    K=K,
                    D=distortion.D,
                    K_rect=None,
                    width=width,
                    height=height,
                )
                rectifier = Rectifier(lens)
            except InputError as error:
                raise SourceError(
                    f'the calibration of {self._name} cannot be used for images of {width} x '
                    f'{height}: {error}'
                ) from error
            self._kept[key] = rectifier, DepthRectifier(rectifier)
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
