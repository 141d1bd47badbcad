"""Position fixes: where an antenna was by satellites, as meters around the first of its places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jaxtyping import Float, Int64
import numpy as np

from vggt_ros.geometry.geodetic import LocalFrame

# Between fixes farther apart it is unknown how the antenna went.
MAX_GAP_NS = 2_500_000_000
# A fix this near in time stands for a moment before the first one or after the last one.
MAX_DISTANCE_NS = 20_000_000
# A variance of less than a millimeter squared, or of more than a kilometer squared, is none.
_VARIANCES = 1e-6, 1e6
_MAX_ALTITUDE_M = 1e5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionFix:
    """Where an antenna was at the moment of an image.

    Attributes:
        position: (3,) east, north and up of the origin, meters.
        covariance: (3, 3) of it, square meters.
        antenna_in_cam: (3,) where the antenna is in the frame of the camera, meters.
        origin: Where that is.
    """

    position: Float[np.ndarray, ' 3']
    covariance: Float[np.ndarray, '3 3']
    antenna_in_cam: Float[np.ndarray, ' 3']
    origin: LocalFrame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeodeticFix:
    """A place as a receiver has it.

    Attributes:
        stamp_ns: When.
        place: (3,) latitude and longitude, degrees, and altitude above the ellipsoid, meters.
        covariance: (3, 3) east, north, up, square meters.
    """

    stamp_ns: int
    place: Float[np.ndarray, ' 3']
    covariance: Float[np.ndarray, '3 3']

    @property
    def fault(self) -> str:
        """Why it is no fix that can be used, as a name; empty if it is one."""
        lat_deg, lon_deg, altitude_m = self.place
        if not np.isfinite(self.place).all():
            return 'not_finite'
        if abs(lat_deg) > 90.0 or abs(lon_deg) > 360.0 or abs(altitude_m) > _MAX_ALTITUDE_M:
            return 'no_place_on_earth'
        covariance = self.covariance
        if not np.isfinite(covariance).all() or np.abs(covariance - covariance.T).max() > 1e-3:
            return 'bad_covariance'
        low, high = np.linalg.eigvalsh(covariance)[[0, -1]]
        return '' if _VARIANCES[0] <= low and high <= _VARIANCES[1] else 'bad_covariance'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PositionFixes:
    """Places of an antenna by time.

    Attributes:
        origin: Of the axes east, north, up: the first place.
        stamps_ns: (N,) ascending, N >= 1.
        positions: (N, 3) east, north, up, meters.
        covariances: (N, 3, 3) of them, square meters.
        refused: Fixes that cannot be used, by reason.
    """

    origin: LocalFrame
    stamps_ns: Int64[np.ndarray, ' N']
    positions: Float[np.ndarray, 'N 3']
    covariances: Float[np.ndarray, 'N 3 3']
    refused: Mapping[str, int] = field(default_factory=dict)

    def at(self, stamp_ns: int, antenna_in_cam: Float[np.ndarray, ' 3']) -> PositionFix | None:
        """Return where the antenna was; None where that is not known.

        Positions are interpolated along a line between fixes at most `MAX_GAP_NS` apart, and no
        farther than `MAX_DISTANCE_NS` beyond the first or last one, or into a longer gap. The
        covariance is that of the worse of the two, for their errors are not independent.

        Args:
            stamp_ns: The moment.
            antenna_in_cam: (3,) where the antenna is in the frame of the camera, meters.
        """
        after = int(np.searchsorted(self.stamps_ns, stamp_ns))
        rows = [row for row in (after - 1, after) if 0 <= row < len(self.stamps_ns)]
        off_ns = [abs(int(self.stamps_ns[row]) - stamp_ns) for row in rows]
        if min(off_ns) > MAX_DISTANCE_NS and (len(rows) < 2 or sum(off_ns) > MAX_GAP_NS):
            return None
        near = rows[int(np.argmin(off_ns))]
        position, covariance = self.positions[near], self.covariances[near]
        if len(rows) == 2 and sum(off_ns) <= MAX_GAP_NS:
            before, behind = self.positions[rows]
            position = before + (off_ns[0] / sum(off_ns)) * (behind - before)
            worse = max(rows, key=lambda row: float(np.trace(self.covariances[row])))
            covariance = self.covariances[worse]
        return PositionFix(
            position=position.copy(),
            covariance=covariance.copy(),
            antenna_in_cam=antenna_in_cam,
            origin=self.origin,
        )


def fixes_of(
    found: Iterable[GeodeticFix], refused: Mapping[str, int] | None = None
) -> PositionFixes | None:
    """Return places by time; None if not one can be used.

    Args:
        found: In any order; of one moment the last counts. What is no place is left out.
        refused: What was left out before, by reason.
    """
    faults = dict(refused or {})
    by_stamp: dict[int, GeodeticFix] = {}
    for each in found:
        if each.fault:
            faults[each.fault] = faults.get(each.fault, 0) + 1
        else:
            by_stamp[each.stamp_ns] = each
    if not by_stamp:
        return None
    stamps_ns = sorted(by_stamp)
    places = np.stack([by_stamp[stamp_ns].place for stamp_ns in stamps_ns])
    lat_deg, lon_deg, altitude_m = places[0].tolist()
    origin = LocalFrame(lat_deg=lat_deg, lon_deg=lon_deg, altitude_m=altitude_m)
    return PositionFixes(
        origin=origin,
        stamps_ns=np.array(stamps_ns, dtype=np.int64),
        positions=origin.enu_of(places),
        covariances=np.stack([by_stamp[stamp_ns].covariance for stamp_ns in stamps_ns]),
        refused=faults,
    )
