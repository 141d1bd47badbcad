"""Input report: what is wrong, what would help, and which of it is the cause; for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
import time

from vggt_ros.mapping.frontend.synchronizer import CameraSync
from vggt_ros.ros.input.problem import by_cause, Cause, Problem
from vggt_ros.ros.middleware.following_subscription import FollowingSubscription
from vggt_ros.settings.input_config import InputSettings

# Cameras that miss more of their sets than this are worth a line.
_MAX_DROPPED = 0.1
_MIN_FRAMES = 20
# Of the images of a topic; where fewer are lost, that explains nothing else.
_MANY_LOST = 0.1
_MS_PER_S = 1000.0
# Topics that might be meant, in one line.
_MAX_SIMILAR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicReport:
    """How one topic is.

    Attributes:
        topic: Its full name.
        kind: image, camera_info, depth or imu.
        num_publishers: Publishers that are known.
        rate_hz: Messages a second, lately.
        silent_s: Since the last message, or since it was subscribed to.
        problem: Why its publishers cannot be heard; empty if they can.
        loss: How many of its messages are lost, and what would help; empty for none.
        loss_share: Part of them that is lost, 0..1.
        publishers: Full names of the nodes that publish it.
        similar: Topics of its type that are published, the most similar names first; only for one
            without a publisher.
    """

    topic: str
    kind: str
    num_publishers: int
    rate_hz: float
    silent_s: float
    problem: str
    loss: str = ''
    loss_share: float = 0.0
    publishers: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()

    def problem_of(self, cause: Cause, text: str) -> Problem:
        """Return a problem with this topic; it is less than one of images if it is another."""
        of_kind = {'image': cause, 'imu': Cause.GRAVITY}.get(self.kind, Cause.SCALE)
        return Problem(cause=of_kind, text=text, about=self.topic)


def report_on(heard: FollowingSubscription, kind: str, num_publishers: int) -> TopicReport:
    """Return how a topic is that this node listens to; call it once a second or so.

    Args:
        heard: The subscription.
        kind: image, camera_info, depth or imu.
        num_publishers: Publishers that are known.
    """
    # Small messages are not missed: the newest one holds, or there are plenty.
    loss = '' if kind in ('camera_info', 'imu') else heard.loss()
    return TopicReport(
        topic=heard.topic,
        kind=kind,
        num_publishers=num_publishers,
        rate_hz=heard.rate_hz,
        silent_s=time.monotonic() - heard.last_s,
        problem=heard.problem,
        loss=loss,
        loss_share=heard.loss_share,
        publishers=heard.publishers,
        similar=heard.similar() if kind == 'image' and not num_publishers else (),
    )


def input_problems(
    reports: Sequence[TopicReport],
    cameras: Sequence[CameraSync],
    settings: InputSettings,
    period_s: float,
) -> list[Problem]:
    """Return everything that is in the way of frames, the cause first; none if all is well.

    Args:
        reports: Of all topics, in the order of the cameras.
        cameras: How the cameras fit to each other, in the same order.
        settings: `input.*`.
        period_s: A topic that is silent for so long is worth a line.
    """
    found = [each.problem_of(Cause.TOPIC, each.problem) for each in reports if each.problem]
    found += [
        each.problem_of(
            Cause.LOSS if each.loss_share >= _MANY_LOST else Cause.QUALITY,
            each.loss,
        )
        for each in reports
        if each.loss
    ]
    found += [
        each.problem_of(Cause.PUBLISHERS, _rivals(each)) for each in reports if _has_rivals(each)
    ]
    silent = [
        each
        for each in reports
        if each.silent_s >= period_s
        and not each.problem
        # Cameras without calibration are used, too, and the node says so when it begins.
        and (each.kind == 'image' or each.num_publishers)
    ]
    found += [
        each.problem_of(
            Cause.SILENCE if each.num_publishers else Cause.TOPIC,
            _silence(each, reports, settings),
        )
        for each in silent
    ]
    has_images = all(each.kind != 'image' for each in silent)
    if has_images and len(cameras) > 1:
        found += _sync_problems(cameras, settings)
    return by_cause(found)


def _has_rivals(report: TopicReport) -> bool:
    return report.kind == 'image' and len(report.publishers) > 1


def _rivals(report: TopicReport) -> str:
    return (
        f'{report.topic} has {len(report.publishers)} publishers '
        f'({", ".join(report.publishers)}): images of two cameras in one stream make no map; '
        f'remap one of them, or stop it'
    )


def _silence(silent: TopicReport, reports: Sequence[TopicReport], settings: InputSettings) -> str:
    others = [
        f'{each.topic} {each.rate_hz:.1f} Hz'
        for each in reports
        if each.kind == silent.kind and each is not silent
    ]
    beside = f'; the others: {", ".join(others)}' if others else ''
    line = f'nothing on {silent.topic} for {silent.silent_s:.0f} s{beside}'
    if not silent.num_publishers:
        advice = 'it has no publisher: check its name (ros2 topic list) and the remapping'
        read = {each.topic for each in reports}
        similar = [each for each in silent.similar if each not in read][:_MAX_SIMILAR]
        if similar:
            advice += f'; of its type there {"are" if similar[1:] else "is"} {", ".join(similar)}'
        if settings.transport != 'auto':
            advice += f'; input.transport is {settings.transport}'
    else:
        advice = (
            f'it has {silent.num_publishers} publisher'
            f'{"s" if silent.num_publishers > 1 else ""}: check that it sends (ros2 topic hz), '
            f'and the network between the machines'
        )
        if settings.qos_reliability == 'reliable':
            advice += '; input.qos_reliability auto hears every publisher'
    if silent.kind == 'image' and settings.num_cameras > 1 and not settings.sync.min_cameras:
        advice += '; input.sync.min_cameras lets the other cameras go on without it'
    return f'{line} ({advice})'


def _sync_problems(cameras: Sequence[CameraSync], settings: InputSettings) -> list[Problem]:
    return [
        Problem(cause=Cause.SYNC, text=line, about=line.partition(':')[0])
        for line in _sync_lines(cameras, settings)
    ]


def _sync_lines(cameras: Sequence[CameraSync], settings: InputSettings) -> list[str]:
    apart, missing = [], []
    for number, camera in enumerate(cameras):
        if camera.num_frames < _MIN_FRAMES:
            continue
        if camera.num_moments_off:
            apart.append(_wrong_moment(number, camera))
            continue
        share = camera.num_dropped / camera.num_frames
        if share <= _MAX_DROPPED or math.isnan(camera.offset_s):
            continue
        line = f'camera {number}: {share:.0%} of its images are in no set; '
        if abs(camera.offset_s) > settings.sync.slop:
            apart.append(line + _apart(camera, settings))
        else:
            line += 'images of other cameras are missing: compare their rates (ros2 topic hz)'
            missing.append(line)
    # Who is not apart lacks the images of those who are.
    return apart or missing


def _wrong_moment(number: int, camera: CameraSync) -> str:
    """Return that the stamps pair images of different moments."""
    assert camera.num_moments_off, 'else they do not'
    apart_s = abs(camera.num_moments_off) * camera.period_s
    return (
        f'camera {number}: its stamps are {_ms(camera.true_offset_s)} beside those of camera 0, '
        f'as the motion in the images tells, though the nearest are {_ms(camera.offset_s)} off '
        f'(stamps tell it only modulo the {_MS_PER_S * camera.period_s:.0f} ms between two '
        f'images): sets of the nearest stamps hold images {_MS_PER_S * apart_s:.0f} ms apart; '
        f'synchronize the clocks, or let its driver stamp {_ms(abs(camera.true_offset_s))[1:]} '
        f'{"earlier" if camera.true_offset_s > 0 else "later"}; no input.sync.slop mends that'
    )


def _apart(camera: CameraSync, settings: InputSettings) -> str:
    """Return how far a camera's stamps are beside those of camera 0, and what would help."""
    line = (
        f'its stamps are {_ms(camera.offset_s)} beside those of camera 0, input.sync.slop is '
        f'{_MS_PER_S * settings.sync.slop:g} ms: synchronize the clocks or triggers'
    )
    if camera.num_moments_off is None:
        others = ''
        if not math.isnan(camera.period_s):
            offsets_s = (camera.offset_s + sign * camera.period_s for sign in (-1.0, 1.0))
            others = f', as {" or ".join(map(_ms, offsets_s))} would look the same'
        return (
            f'{line}; that is known only modulo the time between two images{others}, until the '
            f'rig has turned or shaken for half a minute and the images tell: with a larger '
            f'input.sync.slop sets might mix moments'
        )
    if abs(camera.offset_s) < camera.period_s / 2:
        line += ', or raise input.sync.slop up to half of the time between two images'
    return f'{line} (the motion in the images confirms the offset)'


def _ms(seconds: float) -> str:
    return f'{_MS_PER_S * seconds:+.1f} ms'
