"""Registered window: a window with a place in the map."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vggt_ros.mapping.backend.submap_graph import Correction, PlacedSubmap
from vggt_ros.mapping.refinement.keyframe_features import KeyframeFeatures
from vggt_ros.mapping.registration.placement import Placement
from vggt_ros.mapping.registration.submap import Submap
from vggt_ros.mapping.registration.window_estimate import WindowEstimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegisteredWindow:
    """A window with a place in the map.

    Attributes:
        estimate: The window.
        placed: Its place among the submaps.
        placement: How that was found.
        in_map: All its frames in map units.
    """

    estimate: WindowEstimate
    placed: PlacedSubmap
    placement: Placement
    in_map: Submap

    def features_in_map(self, frame_id: int) -> KeyframeFeatures | None:
        """Return what the image of a frame shows, map units; None if that is not known."""
        features = (self.estimate.features or {}).get(frame_id)
        scale = self.placement.map_from_submap.scale
        return None if features is None else features.scaled(scale)

    def moved(self, correction: Correction, placed: PlacedSubmap) -> RegisteredWindow:
        """Return the window after a correction of the map.

        Args:
            correction: Where things went.
            placed: The submap's new place.
        """
        map_from_old_map = correction[placed.id]
        found = map_from_old_map @ self.placement.map_from_submap
        return replace(
            self,
            placed=placed,
            placement=replace(self.placement, map_from_submap=found),
            in_map=self.in_map.moved(map_from_old_map),
        )


def unit_of(estimate: WindowEstimate, placement: Placement) -> float:
    """Return map units per unit of what the network said of a window."""
    unit = 1.0 if estimate.refinement is None else estimate.refinement.unit
    return unit * placement.map_from_submap.scale
