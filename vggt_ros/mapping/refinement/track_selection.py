"""Track selection: enough of the longest tracks, everywhere in every image, for the adjustment."""

from __future__ import annotations

from jaxtyping import Int
import numpy as np

from vggt_ros.mapping.refinement.tracks import FeatureTracks

# Parts of an image along each side.
_CELLS = 8
# Observations wanted in every part of every image.
_WANTED = 3


def select_tracks(
    tracks: FeatureTracks, image_size: tuple[int, int], max_tracks: int
) -> Int[np.ndarray, ' n']:
    """Return the rows of tracks that hold all cameras, first those that tell most.

    A camera is as well determined by some hundred tracks that are spread over its image as by all
    of them, and adjusting takes the time of what is adjusted. A track is taken if it brings an
    observation to a part of an image that still wants one, long ones before short ones, and coarse
    ones as if they were shorter.

    Args:
        tracks: Of a window.
        image_size: Width and height, pixels.
        max_tracks: Most of them.
    """
    is_seen = tracks.is_seen
    order = np.argsort(-is_seen.sum(axis=1) / tracks.sigma_px**2, kind='stable')
    if len(order) <= max_tracks:
        return order
    with np.errstate(invalid='ignore'):
        cell = np.floor((tracks.uv + 0.5) * _CELLS / np.array(image_size))
    cell = np.clip(np.nan_to_num(cell), 0, _CELLS - 1).astype(int)
    place = cell[..., 0] * _CELLS + cell[..., 1] + np.arange(cell.shape[1]) * _CELLS**2
    # Lists, because single elements of arrays are slow.
    ends = np.cumsum(is_seen[order].sum(axis=1)).tolist()
    places = place[order][is_seen[order]].tolist()
    count = [0] * (cell.shape[1] * _CELLS**2)
    taken, spare = [], []
    for row, start, end in zip(order.tolist(), [0, *ends], ends, strict=False):
        parts = places[start:end]
        if min([count[part] for part in parts], default=_WANTED) < _WANTED:
            for part in parts:
                count[part] += 1
            taken.append(row)
            if len(taken) == max_tracks:
                break
        else:
            spare.append(row)
    return np.array([*taken, *spare[: max_tracks - len(taken)]], dtype=np.int64)
