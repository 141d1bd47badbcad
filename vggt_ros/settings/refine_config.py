"""Settings of the refinement: how far the images decide what the network proposes.

Part of the tree in `vggt_ros/settings/config.py`; defaults are here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.settings.parameter import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class RefineSettings:
    """What feature tracks confirm, and what they correct."""

    mode: str = parameter(
        'depth',
        'off: the network is trusted; verify: what the images do not confirm is not used; poses: '
        'poses are refined by bundle adjustment, too, and depth is scaled to fit; depth: depth is '
        'made to agree with them pixel by pixel as well.',
        choices=('off', 'verify', 'poses', 'depth'),
        read_only=True,
    )
    max_features: int = parameter(
        1000,
        'Features of an image; more find more, and take longer.',
        unit='features',
        minimum=100,
        maximum=8000,
        read_only=True,
    )
    tracks: str = parameter(
        'features',
        'features: points that are found in several images by their features; both: beside them '
        "those that the network's tracker follows, where the checkpoint's is good.",
        choices=('features', 'both'),
        read_only=True,
    )
    budget_ms: int = parameter(
        2500,
        'Processor time for the poses of a window; when it is over, no second start is tried and '
        'the depth of this window is not compared pixel by pixel.',
        unit='ms',
        minimum=50,
        maximum=60_000,
    )

    @property
    def verifies(self) -> bool:
        """Whether images are asked at all."""
        return self.mode != 'off'

    @property
    def asks_tracker(self) -> bool:
        """Whether the network is to follow features."""
        return self.verifies and self.tracks == 'both'
