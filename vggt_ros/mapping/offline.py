"""Offline mapping: all frames of a recording through a mapper, none dropped for lack of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import logging

from vggt_ros.errors import VggtRosError
from vggt_ros.mapping.frontend.frame import Frame
from vggt_ros.mapping.frontend.window import Window
from vggt_ros.mapping.layers.map_update import MapUpdate
from vggt_ros.mapping.mapper import Mapper
from vggt_ros.mapping.predicted_window import Wanted

_log = logging.getLogger(__name__)


def map_frames(
    mapper: Mapper, frames: Iterable[Frame], *, wanted: Wanted | None = None
) -> Iterator[MapUpdate]:
    """Send frames through a mapper; yield what every window brings, as soon as it does.

    A window that does not enter the map is logged with the reason and counted by the mapper, and
    the next ones go on.

    Args:
        mapper: An offline one (`offline=True`); what it knows in the end stays in it.
        frames: In the order of their stamps.
        wanted: What is needed beside depth, points and poses; None for nothing.

    Raises:
        InputError: A frame cannot be used.
    """
    wanted = Wanted(tracks=False) if wanted is None else wanted
    for frame in frames:
        mapper.add_frame(frame)
        yield from _updates(mapper, wanted)
    mapper.stream.flush()
    yield from _updates(mapper, wanted)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedWindow:
    """A window that was worked on.

    Attributes:
        window: Its frames.
        update: What it brought; None if it failed, or the map was reset meanwhile.
        error: Why it failed; None if it did not.
    """

    window: Window
    update: MapUpdate | None
    error: VggtRosError | None


def finish_windows(mapper: Mapper, wanted: Wanted) -> Iterator[FinishedWindow]:
    """Work on all windows that are complete; one that fails does not stop the others.

    Args:
        mapper: An offline one (`offline=True`).
        wanted: What is needed beside depth, points and poses.
    """
    while (window := mapper.wait_for_window(0.0)) is not None:
        update = failure = None
        try:
            update = mapper.process(window, wanted)
        except VggtRosError as error:
            failure = error
        yield FinishedWindow(window=window, update=update, error=failure)


def _updates(mapper: Mapper, wanted: Wanted) -> Iterator[MapUpdate]:
    for each in finish_windows(mapper, wanted):
        if each.error is not None:
            _log.warning('a window did not enter the map: %s', each.error)
        elif each.update is not None:
            yield each.update
