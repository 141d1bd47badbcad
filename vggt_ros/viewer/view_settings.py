"""View settings: what the one who looks at the map has chosen."""

from __future__ import annotations

from dataclasses import dataclass
import math

COLORINGS = ('image', 'height', 'confidence', 'submap', 'age')
DEFAULT_MAX_POINTS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSettings:
    """Choices that are common to all who look at one page.

    Attributes:
        coloring: One of `COLORINGS`.
        point_size: Edge of a point, in units of the distance between points.
        max_height: Points above it are not shown, map units; a ceiling is in the way.
        min_confidence_percent: Of each submap, so many percent of the points, those with the
            least confidence, are not shown.
        max_points: Drawn at a time; what is far from those who look is drawn coarsely.
        until_ns: What came later is not shown.
    """

    coloring: str = 'image'
    point_size: float = 1.0
    max_height: float = math.inf
    min_confidence_percent: float = 0.0
    max_points: int = DEFAULT_MAX_POINTS
    until_ns: int | None = None
