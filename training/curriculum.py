"""Curriculum: what is practiced when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the training.

    Attributes:
        until: Share of the training time at which the stage ends, 0..1.
        image_size: Height and width of the pictures, pixels.
        num_frames: Fewest and most frames of a window.
        frames_per_step: Frames that one step of the optimizer sees, over all windows.
        depth_frames: Frames of a window whose dense maps are trained; 0 leaves the dense heads
            and the tracker alone.
        track_share: Share of the steps that train the tracker.
    """

    until: float
    image_size: tuple[int, int]
    num_frames: tuple[int, int]
    frames_per_step: int
    depth_frames: int = 0
    track_share: float = 0.0


# Matching and motion are learnt from small pictures and linear read-outs, then at full size; the
# heads, which cost as much as the rest, follow.
CURRICULUM = (
    Stage(until=0.1, image_size=(84, 112), num_frames=(2, 2), frames_per_step=16),
    Stage(until=0.28, image_size=(84, 112), num_frames=(2, 5), frames_per_step=20),
    Stage(until=0.5, image_size=(126, 168), num_frames=(2, 6), frames_per_step=16),
    Stage(
        until=1.0,
        image_size=(126, 168),
        num_frames=(1, 8),
        frames_per_step=16,
        depth_frames=4,
        track_share=0.12,
    ),
)


def stage_at(progress: float) -> Stage:
    """Return the stage of a moment; 0 is the start of the training, 1 its end."""
    for stage in CURRICULUM:
        if progress < stage.until:
            return stage
    return CURRICULUM[-1]
