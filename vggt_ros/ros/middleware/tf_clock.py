"""Stamps of images beside those of TF: clocks that differ."""

from __future__ import annotations

from dataclasses import dataclass

_NS_PER_S = 1e9
# Stamps come late by processing and networks, but not by so much.
_MAX_OFF_S = 2.0
# Where a transform has not come for so long, it is unknown what its clock says now.
_SILENT_S = 3.0
# Without images there is nothing to compare with.
MAX_AGE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenImage:
    """When the newest image of a camera was taken, and when it came.

    Attributes:
        camera_frame: Optical frame of the camera.
        stamp_ns: Its stamp.
        at_s: When it came, monotonic seconds.
    """

    camera_frame: str
    stamp_ns: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TfProblem:
    """What is wrong with TF.

    Attributes:
        reason: One word, the same as long as it is the same problem.
        text: For people, with numbers.
    """

    reason: str
    text: str


class TfClock:
    """Compares the newest stamps of one transform with those of images; call once a second."""

    def __init__(self) -> None:
        self._newest_ns = 0
        self._changed_s = 0.0

    def problem(
        self, edge: str, newest_ns: int, image: SeenImage, now_s: float, node_ns: int | None
    ) -> TfProblem | None:
        """Return what is wrong, None if nothing is.

        Args:
            edge: What the transform is called.
            newest_ns: Its newest stamp.
            image: The newest image.
            now_s: Monotonic seconds.
            node_ns: Now by the clock of this node; None if it stamps no transform.
        """
        if newest_ns != self._newest_ns:
            self._newest_ns, self._changed_s = newest_ns, now_s
        if now_s - image.at_s > MAX_AGE_S:
            return None
        silent_s = now_s - self._changed_s
        if silent_s > _SILENT_S:
            return None
        tf_ns = newest_ns + silent_s * _NS_PER_S
        image_ns = image.stamp_ns + (now_s - image.at_s) * _NS_PER_S
        off_s = (image_ns - tf_ns) / _NS_PER_S
        if abs(off_s) > _MAX_OFF_S:
            return TfProblem(
                reason='clocks_differ',
                text=f'the images are stamped {_apart(off_s)} {edge} in TF, so that neither tells '
                f'of the other: synchronize the clocks of their machines (chrony, PTP), and let '
                f'either all of them or none take the time from /clock (use_sim_time)',
            )
        if node_ns is None:
            return None
        off_s = (tf_ns - node_ns) / _NS_PER_S
        if abs(off_s) > _MAX_OFF_S:
            return TfProblem(
                reason='clocks_differ',
                text=f'{edge} in TF and the images are stamped {_apart(off_s)} the clock of this '
                f'node, by which its transform is stamped: play recordings with --clock and set '
                f'use_sim_time, or synchronize the clocks',
            )
        return None


def _apart(off_s: float) -> str:
    return f'{abs(off_s):.1f} s {"after" if off_s > 0 else "before"}'
