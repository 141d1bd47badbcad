"""Leveling: roll and pitch of a new submap, corrected by the direction of gravity."""

from __future__ import annotations

from dataclasses import dataclass, replace
import logging

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.rotation import matrix_from_rotation_vector
from vggt_ros.geometry.sim3 import Sim3
from vggt_ros.mapping.backend.registered_window import RegisteredWindow
from vggt_ros.mapping.backend.submap_graph import PlacedSubmap
from vggt_ros.mapping.registration.up_direction import (
    across,
    turn_onto,
    up_of_window,
    UpDirection,
)

_log = logging.getLogger(__name__)
# What is further off the map, and by so many standard deviations, is no drift: a sign or an axis
# is wrong.
_MAX_ERROR_RAD = np.deg2rad(15.0)
_MAX_ERROR_SIGMAS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Step:
    """What gravity does to a submap: its turn along its own axes, and the covariance after it."""

    error_rad: float
    sigmas: float
    turn: Float[np.ndarray, '3 3']
    covariance: Float[np.ndarray, '7 7']


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelingReport:
    """How gravity and map agree.

    Attributes:
        num_used: Windows whose roll and pitch gravity has corrected.
        num_refused: Windows whose gravity contradicted the map.
        error_deg: How far the newest window was off gravity before; NaN before the first one.
        problem: That the newest window's gravity was refused, and why; empty if it was not.
    """

    num_used: int = 0
    num_refused: int = 0
    error_deg: float = float('nan')
    problem: str = ''


class Leveling:
    """A Kalman filter's step for every window, for two of its seven errors.

    Attributes:
        report: How it went so far.
    """

    def __init__(self) -> None:
        self.report = LevelingReport()

    def clear(self) -> None:
        """Begin again."""
        self.report = LevelingReport()

    def level(self, registered: RegisteredWindow, *, is_first: bool) -> RegisteredWindow:
        """Return a window turned about horizontal axes, as gravity wants it.

        It is turned about its first camera, by the share of the error that the covariances give
        to the map: what lies before it is not moved. Where a segment begins, nothing holds roll
        and pitch, and all of the error is taken out.

        Args:
            registered: The newest window, where it was registered in a map whose z is up.
            is_first: Whether it is the first one of the session: where a later one begins a
                segment, its place was a guess that nothing can contradict.

        Returns:
            The same window if nothing is known of gravity, or it contradicts the map.
        """
        estimate, placed = registered.estimate, registered.placed
        up_in_map = up_of_window(
            registered.in_map.ref_from_cam, estimate.is_inlier, estimate.priors.up_in_cam
        )
        if up_in_map is None:
            return registered
        is_free = registered.placement.covariance is None
        place = placed.map_from_submap
        up = up_in_map.turned(place.rotation.T)
        step = _step(placed, up, is_free=is_free)
        is_absurd = step.error_rad > _MAX_ERROR_RAD and step.sigmas > _MAX_ERROR_SIGMAS
        if is_absurd and (is_first or not is_free):
            self._refuse(step.error_rad)
            return registered
        self.report = replace(
            self.report,
            num_used=self.report.num_used + 1,
            error_deg=float(np.rad2deg(step.error_rad)),
            problem='',
        )
        turned = Sim3(place.scale, place.rotation @ step.turn, place.translation)
        leveled = replace(placed, map_from_submap=turned, covariance=step.covariance, up=up)
        return registered.moved({placed.id: turned @ place.inverse()}, leveled)

    def _refuse(self, error_rad: float) -> None:
        line = (
            f'gravity is {np.rad2deg(error_rad):.0f} degrees off what is up in the map (limit '
            f'{np.rad2deg(_MAX_ERROR_RAD):.0f}) and not used: the frame of the IMU in TF is '
            f'another than that of its numbers, or these have another sign; at rest with z up an '
            f'accelerometer says +9.8 along z (REP 145)'
        )
        if not self.report.problem:
            _log.warning('%s', line)
        self.report = replace(
            self.report,
            num_refused=self.report.num_refused + 1,
            error_deg=float(np.rad2deg(error_rad)),
            problem=line,
        )


def _step(submap: PlacedSubmap, up: UpDirection, *, is_free: bool) -> _Step:
    """Return the filter's step for the two errors about horizontal axes.

    Args:
        submap: Where it was registered.
        up: Along its axes.
        is_free: Whether gravity has all of the say.
    """
    covariance = submap.covariance
    expected = submap.map_from_submap.rotation.T @ np.array([0.0, 0.0, 1.0])
    error = turn_onto(up.along_axes, expected)
    axes = across(expected)
    measures = np.zeros((2, 7))
    measures[:, :3] = axes.T
    of_map = measures @ covariance @ measures.T
    total = of_map + up.sigma_rad**2 * np.eye(2)
    off = axes.T @ error
    gain = np.zeros((7, 2))
    gain[:3] = axes @ (np.eye(2) if is_free else of_map @ np.linalg.inv(total))
    rest = np.eye(7) - gain @ measures
    # Joseph's form: it holds for any gain. A segment's covariance is against its first submap.
    corrected = rest @ covariance @ rest.T
    if not is_free:
        corrected += up.sigma_rad**2 * gain @ gain.T
    return _Step(
        error_rad=float(np.linalg.norm(error)),
        sigmas=float(np.sqrt(off @ np.linalg.solve(total, off))),
        turn=matrix_from_rotation_vector(gain[:3] @ off),
        covariance=0.5 * (corrected + corrected.T),
    )
