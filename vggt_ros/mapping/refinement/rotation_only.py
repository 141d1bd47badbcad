"""Rotations of a camera that turns on the spot: what tracks without parallax still tell."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.rotation import nearest_rotation
from vggt_ros.mapping.refinement.tracks import FeatureTracks
from vggt_ros.mapping.refinement.two_view import TwoView

# Directions and rotations follow each other slowly if a start is degrees off.
_MAX_ITERATIONS, _ENOUGH_RAD = 60, 2e-5
_HUBER_RAD = np.radians(0.2)
# Then what moves by itself, or is no match, pulls less and less.
_SCALES_RAD, _ITERATIONS_A_SCALE = np.radians([0.6, 0.3, 0.15]), 20


def refine_rotations(
    tracks: FeatureTracks,
    rays_in_cam: Float[np.ndarray, 'N S 3'],
    start: Float[np.ndarray, 'S 3 3'],
    fixed: np.ndarray,
) -> tuple[Float[np.ndarray, 'S 3 3'], Float[np.ndarray, 'N S']]:
    """Return the rotations that bring the rays of every track together, and what is left.

    Directions and rotations in turn: the direction of a track is the mean of its rays, a
    rotation the best one between its rays and their directions (Kabsch 1976). Huber's weights
    lead there from a start that is off; those of Geman and McClure, with a scale that shrinks,
    leave what moves by itself out of it.

    Args:
        tracks: Of the window.
        rays_in_cam: (N, S, 3) unit vectors; NaN where a track is not seen.
        start: (S, 3, 3) window_from_cam rotations to begin with.
        fixed: (S,) True for cameras that do not turn.

    Returns:
        Rotations and (N, S) angles, radians, between rays and the directions of their tracks.
    """
    rotation = start.copy()
    is_seen = tracks.is_seen & np.isfinite(rays_in_cam[..., 0])
    rays = np.where(is_seen[..., None], rays_in_cam, 0.0)
    sigma = tracks.sigma_px[:, None]
    weight = is_seen / sigma**2
    free = np.flatnonzero(~fixed & (is_seen.sum(axis=0) >= 3))
    steps = [None] * _MAX_ITERATIONS, *([scale] * _ITERATIONS_A_SCALE for scale in _SCALES_RAD)
    for scales in steps:
        for scale_rad in scales:
            before = rotation.copy()
            in_window = _turned(rotation, rays)
            direction = _directions(in_window, weight)
            angle_rad = _angles(in_window, direction) / sigma
            weight = is_seen * _weights(angle_rad, scale_rad) / sigma**2
            moment = np.einsum(
                'ni,nsj->sij', direction, weight[:, free, None] * rays[:, free], optimize=True
            )
            rotation[free] = nearest_rotation(moment + 1e-9 * rotation[free])
            if np.abs(rotation - before).max() < _ENOUGH_RAD:
                break
    in_window = _turned(rotation, rays)
    angle_rad = _angles(in_window, _directions(in_window, weight))
    return rotation, np.where(is_seen, angle_rad, np.nan)


def chained_rotations(
    pairs: Mapping[tuple[int, int], TwoView],
    known: Mapping[int, Float[np.ndarray, '3 3']],
    count: int,
) -> Float[np.ndarray, 'S 3 3']:
    """Return rotations that follow from the pairs with most matches, one after the other.

    Args:
        pairs: Two-view geometry of pairs (i, j), i < j.
        known: window_from_cam rotations that are given; at least one.
        count: S.

    Returns:
        (S, 3, 3); NaN for cameras that no pair leads to.
    """
    rotation = np.full((count, 3, 3), np.nan)
    for row, given in known.items():
        rotation[row] = given
    while True:
        is_placed = np.isfinite(rotation[:, 0, 0])
        open_pairs = [key for key in pairs if is_placed[key[0]] != is_placed[key[1]]]
        if not open_pairs:
            return rotation
        i, j = max(open_pairs, key=lambda key: len(pairs[key].matches))
        j_from_i = pairs[i, j].b_from_a[:3, :3]
        if is_placed[i]:
            rotation[j] = rotation[i] @ j_from_i.T
        else:
            rotation[i] = rotation[j] @ j_from_i


def _turned(
    rotation: Float[np.ndarray, 'S 3 3'], rays: Float[np.ndarray, 'N S 3']
) -> Float[np.ndarray, 'N S 3']:
    return np.matmul(rays[:, :, None], np.swapaxes(rotation, 1, 2))[:, :, 0]


def _weights(
    angle_rad: Float[np.ndarray, 'N S'], scale_rad: float | None
) -> Float[np.ndarray, 'N S']:
    """Return Huber's weights, or those of Geman and McClure at a scale."""
    if scale_rad is None:
        return _HUBER_RAD / np.maximum(angle_rad, _HUBER_RAD)
    return np.asarray((1.0 + (angle_rad / scale_rad) ** 2) ** -2)


def _directions(
    in_window: Float[np.ndarray, 'N S 3'], weight: Float[np.ndarray, 'N S']
) -> Float[np.ndarray, 'N 3']:
    total = (weight[..., None] * in_window).sum(axis=1)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def _angles(
    in_window: Float[np.ndarray, 'N S 3'], direction: Float[np.ndarray, 'N 3']
) -> Float[np.ndarray, 'N S']:
    # Chords: as long as angles where these are small, and longest for opposite rays.
    return np.sqrt(((in_window - direction[:, None]) ** 2).sum(axis=-1))
