"""Names of frames in headers, as tf2 knows them."""

from __future__ import annotations

from collections.abc import Callable

from vggt_ros.ros.middleware.log_text import one_line


class FrameName:
    """Takes the leading slash off the frames of one kind of messages, as tf2 does in TF.

    Drivers from ROS 1 write it. With it, the frame is another one for whoever compares names.
    """

    def __init__(self, what: str, warn: Callable[[str], object]) -> None:
        """Have warned of nothing yet.

        Args:
            what: Whose frames they are, for people: the images, camera_info.
            warn: Told, once, of a frame that is not named as tf2 names frames.
        """
        self._what = what
        self._warn = warn
        self._has_warned = False

    def of(self, frame_id: str) -> str:
        """Return a frame's name as tf2 knows it."""
        name = frame_id.removeprefix('/')
        if name != frame_id and not self._has_warned:
            self._has_warned = True
            self._warn(
                f'header.frame_id of {self._what} is {one_line(frame_id)!r}; names of frames have '
                f'no leading slash in tf2: {one_line(name)!r} is used'
            )
        return name
