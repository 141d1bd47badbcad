"""Geodetic positions: latitude, longitude and altitude on WGS 84, as meters around a place.

The ellipsoid is that of NIMA TR8350.2, "Department of Defense World Geodetic System 1984", 3rd
edition (a = 6378137 m, 1/f = 298.257223563). Altitudes are above it, not above the sea. Equations
are those of Hofmann-Wellenhof, Lichtenegger and Wasle, "GNSS", 2008, section 8.2: ellipsoidal to
Cartesian coordinates (8.1 with N = a / sqrt(1 - e^2 sin^2 lat)) and those to the local axes.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
import numpy as np

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1.0 / 298.257223563
_ECCENTRICITY_2 = FLATTENING * (2.0 - FLATTENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFrame:
    """A place on the earth, and axes there: x east, y north, z up (REP 103).

    Attributes:
        lat_deg: Of its origin, -90 to 90.
        lon_deg: East of Greenwich.
        altitude_m: Above the ellipsoid.
    """

    lat_deg: float
    lon_deg: float
    altitude_m: float

    def enu_of(self, places: Float[np.ndarray, 'n 3']) -> Float[np.ndarray, 'n 3']:
        """Return places by these axes, meters.

        Args:
            places: (n, 3) latitude and longitude, degrees, and altitude above the ellipsoid,
                meters.
        """
        origin = np.array([[self.lat_deg, self.lon_deg, self.altitude_m]])
        return (ecef_of(places) - ecef_of(origin)) @ self._enu_from_ecef().T

    def _enu_from_ecef(self) -> Float[np.ndarray, '3 3']:
        lat, lon = np.radians([self.lat_deg, self.lon_deg])
        (sin_lat, sin_lon), (cos_lat, cos_lon) = np.sin([lat, lon]), np.cos([lat, lon])
        return np.array(
            [
                [-sin_lon, cos_lon, 0.0],
                [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
                [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
            ]
        )


def ecef_of(places: Float[np.ndarray, 'n 3']) -> Float[np.ndarray, 'n 3']:
    """Return places by the axes that turn with the earth, meters from its center.

    Args:
        places: (n, 3) latitude and longitude, degrees, and altitude above the ellipsoid, meters.
    """
    lat, lon = np.radians(places[:, 0]), np.radians(places[:, 1])
    normal = SEMI_MAJOR_M / np.sqrt(1.0 - _ECCENTRICITY_2 * np.sin(lat) ** 2)
    beside_axis = (normal + places[:, 2]) * np.cos(lat)
    return np.stack(
        [
            beside_axis * np.cos(lon),
            beside_axis * np.sin(lon),
            (normal * (1.0 - _ECCENTRICITY_2) + places[:, 2]) * np.sin(lat),
        ],
        axis=1,
    )
