"""Odometry scale: meters per unit of a whole map, by what odometry says of short stretches.

Odometry drifts, so that its positions are worth little over a whole recording; over a few
keyframes its lengths are good. Each stretch says what a meter is, and the middle of them counts:
a wheel that slips somewhere changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
import math

from jaxtyping import Float
import numpy as np

from vggt_ros.geometry.robust import median_and_sigma
from vggt_ros.mapping.registration.scale_measurement import measure_by_odometry, ScaleMeasurement
from vggt_ros.settings.world_config import ScaleSettings

# Keyframes of a stretch; the next one begins in its middle.
_LENGTH = 8
_MIN_STRETCHES = 3
# Wheels of another size than was thought are wrong everywhere alike.
_LEAST_SIGMA = 0.01
# Standard deviation of a median over that of a mean.
_OF_MEDIAN = 1.2533


def scale_by_odometry(
    map_from_cam: Float[np.ndarray, 'N 4 4'],
    odom_from_cam: Sequence[Float[np.ndarray, '4 4'] | None],
    settings: ScaleSettings,
) -> ScaleMeasurement | None:
    """Return meters per unit of a map; its residual is how much stretches disagree.

    Args:
        map_from_cam: (N, 4, 4) poses of one camera's keyframes, in the order in which they came.
        odom_from_cam: The same in the odometry, meters; None where not known.
        settings: `scale.*`: which stretches are long enough, and fit.

    Returns:
        None if fewer than three stretches say something.
    """
    logs = []
    for first in range(0, len(map_from_cam) - _LENGTH // 2, _LENGTH // 2):
        rows = slice(first, first + _LENGTH)
        found = measure_by_odometry(map_from_cam[rows], odom_from_cam[rows], settings.min_baseline)
        if found is not None and found.residual <= settings.max_residual:
            logs.append(math.log(found.meters_per_unit))
    if len(logs) < _MIN_STRETCHES:
        return None
    middle, spread = median_and_sigma(np.array(logs))
    # Stretches that share half of their keyframes are half as many.
    of_middle = _OF_MEDIAN * spread / math.sqrt(0.5 * len(logs))
    return ScaleMeasurement(
        source='odometry',
        meters_per_unit=math.exp(middle),
        log_sigma=math.hypot(_LEAST_SIGMA, of_middle),
        residual=spread,
    )
