"""Window tracks: matches of one window's images, joined before anything is concluded from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

from vggt_ros.mapping.refinement.tracks import FeatureTracks, join_matches
from vggt_ros.mapping.refinement.two_view import TwoView


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowTracks:
    """Tracks of a window with the pairs that they come from.

    Attributes:
        tracks: N tracks over S images.
        pairs: Two-view geometry of the pairs (i, j), i < j, that have one.
        K: (S, 3, 3) intrinsics in pixels of the camera's images: calibrated, else predicted.
        is_calibrated: Whether they are calibrated.
        image_size: Width and height, pixels.
    """

    tracks: FeatureTracks
    pairs: Mapping[tuple[int, int], TwoView]
    K: Float[np.ndarray, 'S 3 3']
    is_calibrated: bool
    image_size: tuple[int, int]


def window_tracks(
    uv: list[Float[np.ndarray, '_ 2']],
    pairs: Mapping[tuple[int, int], TwoView],
    K: Float[np.ndarray, 'S 3 3'],
    *,
    is_calibrated: bool,
    image_size: tuple[int, int],
) -> WindowTracks:
    """Join verified pairs to tracks.

    Args:
        uv: For every image the pixels of its features.
        pairs: Verified pairs (i, j), i < j.
        K: (S, 3, 3) intrinsics.
        is_calibrated: Whether they are calibrated.
        image_size: Width and height, pixels.
    """
    tracks = join_matches(uv, {key: pair.matches for key, pair in pairs.items()})
    return WindowTracks(
        tracks=tracks, pairs=pairs, K=K, is_calibrated=is_calibrated, image_size=image_size
    )
