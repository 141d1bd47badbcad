"""Tracks: one point of the scene, seen in several images of a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Bool, Float, Int
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Matches = Mapping[tuple[int, int], Int[np.ndarray, '_ 2']]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTracks:
    """N tracks over S images.

    Attributes:
        feature: (N, S) row of the feature of each image, -1 where the track is not seen, and where
            what is seen is no feature.
        uv: (N, S, 2) its pixel, NaN where it is not seen.
        sigma_px: (N,) standard deviation of the pixels of a track, 1 for features: their error is
            the unit of all limits.
    """

    feature: Int[np.ndarray, 'N S']
    uv: Float[np.ndarray, 'N S 2']
    sigma_px: Float[np.ndarray, ' N']

    def __len__(self) -> int:
        """Return N."""
        return len(self.feature)

    @property
    def is_seen(self) -> Bool[np.ndarray, 'N S']:
        """Whether a track has an observation in an image."""
        return np.asarray(np.isfinite(self.uv[..., 0]))

    def select(self, rows: np.ndarray) -> FeatureTracks:
        """Return some of the tracks, by number or by mask."""
        return FeatureTracks(
            feature=self.feature[rows], uv=self.uv[rows], sigma_px=self.sigma_px[rows]
        )

    def of_images(self, images: slice) -> FeatureTracks:
        """Return the tracks as only some of the images see them."""
        return replace(self, feature=self.feature[:, images], uv=self.uv[:, images])


def join_matches(uv: list[Float[np.ndarray, '_ 2']], matches: Matches) -> FeatureTracks:
    """Join the matches of all pairs to tracks: union-find over all features.

    An image that would have two features in one track has none: one of them is wrong, and it
    is unknown which.

    Args:
        uv: For every image the pixels of its features.
        matches: For pairs of images (i, j), i < j, the rows of the features that match.
    """
    num_images = len(uv)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in uv])])
    edges = [
        np.stack([starts[i] + rows[:, 0], starts[j] + rows[:, 1]])
        for (i, j), rows in matches.items()
    ]
    first, second = np.concatenate(edges, axis=1) if edges else np.zeros((2, 0), np.int64)
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(starts[-1],) * 2)
    _, label = connected_components(graph, directed=False)
    image = np.repeat(np.arange(num_images), np.diff(starts))
    feature = np.arange(starts[-1]) - starts[image]
    table = np.full((int(label.max(initial=-1)) + 1, num_images), -1, np.int64)
    count = np.zeros(table.shape, np.int64)
    np.add.at(count, (label, image), 1)
    table[label, image] = feature
    table[count > 1] = -1
    table = table[(table >= 0).sum(axis=1) >= 2]
    pixels = np.full((*table.shape, 2), np.nan)
    for i, each in enumerate(uv):
        is_seen = table[:, i] >= 0
        pixels[is_seen, i] = each[table[is_seen, i]]
    return FeatureTracks(feature=table, uv=pixels, sigma_px=np.ones(len(table)))
