"""Lost messages of a topic: how many, and what would help; for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import time

from vggt_ros.middleware_profile import SOCKET_LIMIT
from vggt_ros.ros.middleware.stamp_gaps import StampGaps

_SPAN_S = 10.0
# One that is missing now and then is not worth a report.
_LEAST_LOST = 2
_LEAST_SHARE = 0.01
_PROFILE = (
    'start it with the profile for large messages (FASTDDS_DEFAULT_PROFILES_FILE, '
    'docs/middleware.md)'
)
_ENOUGH_SOCKET_BYTES = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What came and what did not, in the last ten seconds.

    Attributes:
        num_received: Messages that came.
        num_missing: Messages that are missing by the stamps of those that came.
        num_reported: Messages that the middleware says it lost.
        num_bytes: Size of a message.
    """

    num_received: int
    num_missing: int
    num_reported: int
    num_bytes: int

    @property
    def num_lost(self) -> int:
        """Messages that did not come, as far as is known."""
        return max(self.num_missing, self.num_reported)

    @property
    def share(self) -> float:
        """Part of the messages that did not come, 0..1."""
        return self.num_lost / max(1, self.num_received + self.num_lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How messages come from the publishers of a topic.

    Attributes:
        is_offered_reliable: Whether all publishers send again what does not get through.
        is_asked_reliable: Whether that is made use of.
        is_local: Whether they are on this machine; None if that is not known.
        is_compressible: Whether the node could read the same from a compressed topic.
    """

    is_offered_reliable: bool
    is_asked_reliable: bool
    is_local: bool | None
    is_compressible: bool = True


class LossMeter:
    """Counts what comes in and what does not; one thread at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start counting.

        Args:
            clock: Monotonic time, seconds.
        """
        self._clock = clock
        self._gaps = StampGaps()
        self._num_received = self._num_reported = self._num_bytes = 0
        self._samples = [(clock(), 0, 0, 0)]

    def receive(self, stamp_ns: int, num_bytes: int) -> None:
        """Count a message."""
        self._num_received += 1
        self._num_bytes = max(self._num_bytes, num_bytes)
        self._gaps.add(stamp_ns)

    def report(self, num_lost: int) -> None:
        """Count messages that the middleware says it lost."""
        self._num_reported += num_lost

    def losses(self) -> Losses:
        """Return the counts of the last ten seconds; call once a second or so."""
        now = (
            self._clock(),
            self._num_received,
            self._gaps.num_missing,
            self._num_reported,
        )
        self._samples.append(now)
        while len(self._samples) > 2 and now[0] - self._samples[1][0] >= _SPAN_S:
            self._samples.pop(0)
        _, received, missing, reported = self._samples[0]
        return Losses(
            num_received=now[1] - received,
            num_missing=now[2] - missing,
            num_reported=now[3] - reported,
            num_bytes=self._num_bytes,
        )


def loss_line(topic: str, losses: Losses, link: Link) -> str:
    """Return a line about lost messages and what would help; empty if there is nothing to say.

    Args:
        topic: Its full name.
        losses: What was lost lately.
        link: How its messages come.
    """
    total = losses.num_received + losses.num_lost
    if losses.num_lost < _LEAST_LOST or losses.share < _LEAST_SHARE:
        return ''
    size = f'{losses.num_bytes / 1e6:.1f} MB' if losses.num_bytes else 'unknown size'
    return (
        f'{topic}: {losses.num_lost} of {total} messages ({size}) of the last {_SPAN_S:.0f} s are '
        f'lost: {_remedy(losses, link)}'
    )


def _remedy(losses: Losses, link: Link) -> str:
    if link.is_offered_reliable and not link.is_asked_reliable:
        return (
            'the publisher is reliable and input.qos_reliability is best_effort; set it to auto, '
            'so that what is lost is sent again'
        )
    if not losses.num_reported:
        return (
            'the middleware reports no loss, so the camera left them out, or the node was too '
            'busy to read them; compare with ros2 topic hz, lower the rate or the size of the '
            'images, or raise input.qos_depth'
        )
    if link.is_local is False:
        smaller = 'send compressed' if link.is_compressible else 'send smaller or fewer'
        remedy = f'they come from another machine; {smaller} images'
        if _socket_bytes() < _ENOUGH_SOCKET_BYTES:
            remedy += (
                f', or allow larger socket buffers on both (net.core.rmem_max is '
                f'{_socket_bytes()}, config/99-vggt-ros-sysctl.conf)'
            )
        return remedy + ('' if link.is_offered_reliable else ', or let the publisher be reliable')
    if link.is_offered_reliable:
        return (
            f'the publisher throws away what it cannot send in time; {_PROFILE}, give it a '
            f'queue of 10 or more, or lower the rate or the size of the images'
        )
    return (
        f'the publisher is best effort, and what does not fit into the memory that it shares '
        f'(0.5 MB without a profile) is gone; {_PROFILE}, or let it be reliable'
    )


def _socket_bytes() -> int:
    return int(SOCKET_LIMIT.read_text(encoding='ascii')) if SOCKET_LIMIT.is_file() else 0
