"""Bags: images of one camera or several out of a recording of ROS 1 or ROS 2, without ROS."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
import heapq
import logging
from pathlib import Path
from typing import Any

from jaxtyping import Float, Float32
import numpy as np

from vggt_ros.errors import InputError, OptionError, SourceError
from vggt_ros.sources.bag_calibration import calibration_of, is_rectified_topic
from vggt_ros.sources.bag_fixes import fixes_in
from vggt_ros.sources.bag_imu import imu_of
from vggt_ros.sources.bag_odometry import odometry_of
from vggt_ros.sources.bag_poses import BagPoses, child_from_camera, read_poses, stamp_of
from vggt_ros.sources.bag_reader import BagMessage, BagReader
from vggt_ros.sources.bag_topics import choose_images, depth_topic_of, image_topics, ImageTopic
from vggt_ros.sources.bag_transforms import STATIC_TOPIC, StaticTransforms
from vggt_ros.sources.calibration import Calibration
from vggt_ros.sources.frame_picker import FrameChoice, FramePicker
from vggt_ros.sources.image_message import decode_depth, decode_image
from vggt_ros.sources.rectification import Rectification
from vggt_ros.sources.source import SourceFrame

# Messages of one camera that wait for one that is late, and for their depth.
_WAITING = 8
_MAX_DEPTH_DELAY_NS = 20_000_000
_log = logging.getLogger(__name__)


class Bag:
    """Images of a bag in the order of their stamps; a `Recording` that can only be iterated.

    Images of a lens come out rectified by the camera_info beside them. Images that cannot be used
    are left out, counted and told once for each reason.

    Attributes:
        name: Of the file or folder.
        cameras: Topics of the images.
        size: Of the first camera's images, pixels; None if its first image is damaged.
        depth_topic: Where the depth of the first camera is from; None if there is none.
        first_from_cam: For each camera its (4, 4) pose on the first one by /tf_static, meters;
            None where that is not known.
        base_from_cam: For each camera its (4, 4) pose on what the odometry is of, meters; None
            without odometry.
        imu: What tells which way is up; None if nothing does.
        truth: What the true poses are of; empty without `truth_topic`.
        notes: What a user should know.
        drops: Images left out in the last iteration, by reason.
        num_late: Images of the last iteration that were recorded after later ones.
    """

    layout = 'bag'
    has_time = True
    rate_hz = None
    stamps_ns = None
    world_from_cam = None

    def __init__(
        self,
        path: Path,
        *,
        topics: Sequence[str] = (),
        depth_topic: str | None = None,
        odometry_topic: str | None = None,
        imu_topic: str | None = None,
        truth_topic: str | None = None,
        gnss_topic: str | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Look what the bag holds; of the images only the first are read.

        Args:
            path: A file .bag, .mcap or .db3, or a folder of them.
            topics: Of the images, one for each camera; empty to choose one.
            depth_topic: Of depth of the first camera; None for the one that is of its frame.
            odometry_topic: With poses of the robot; `/tf` or None for what /tf says of the frame
                `odom`, if it connects it with the cameras; `none` for none.
            imu_topic: Of an IMU; None for the only one, `none` for none (`bag_imu.imu_of`).
            truth_topic: With true poses; None for none.
            gnss_topic: With fixes of satellites; None for the only one, `none` for none.
            calibration: Overrules camera_info; of one camera only.

        Raises:
            SourceError: The bag cannot be read, or a topic is missing or of another type.
        """
        self._path, self.name = path, path.absolute().name
        self.drops: dict[str, int] = {}
        self.num_late = 0
        self._rectification = Rectification(self.name)
        with BagReader(path) as reader:
            seen = image_topics(reader)
            self._topics = choose_images(seen, topics, reader, path)
            self.cameras = tuple(topic.name for topic in self._topics)
            if calibration is not None and len(self.cameras) > 1:
                raise OptionError(
                    f'{calibration.origin} is of one camera, and {len(self.cameras)} are asked '
                    f'for; leave it out, or give one topic'
                )
            first = self._topics[0]
            self.size = first.size if first.size[0] else None
            self._depth = depth_topic_of(seen, first, depth_topic, path)
            self.depth_topic = None if self._depth is None else self._depth.name
            self._calibrations, notes = self._read_calibrations(reader, calibration)
            self._transforms = _transforms(reader)
            frames = [topic.frame for topic in self._topics]
            self._odometry = odometry_of(reader, odometry_topic, self._transforms, frames)
            self.imu, told = imu_of(reader, path, imu_topic, self._transforms, frames)
            notes += told
            self._truth = None if truth_topic is None else read_poses(reader, truth_topic)
            self._fixes = fixes_in(reader, gnss_topic, self._transforms, frames)
            num_refused = self._transforms.num_refused
            if num_refused:
                notes.append(f'{num_refused} transforms of /tf_static are left out: not rigid')
            for found in (self._odometry, self._truth, self._fixes):
                notes += [] if found is None else found.notes
            notes += reader.notes
        if calibration is not None:
            calibration.check(self.size, self.name)
        self.first_from_cam = tuple(
            self._transforms.find(first.frame, topic.frame) for topic in self._topics
        )
        notes += [
            f'where {topic.name} ({topic.frame}) is on {first.name} ({first.frame}) is not known: '
            f'/tf_static does not connect them'
            for topic, place in zip(self._topics, self.first_from_cam, strict=True)
            if place is None
        ]
        self.notes = tuple(notes)
        places = self._places(self._odometry)
        self.base_from_cam = tuple(places) if places else (None,) * len(self.cameras)
        self._truth_from_cam = self._places(self._truth)
        self.truth = '' if self._truth is None else _truth_words(self._truth, first.frame)

    @property
    def num_frames(self) -> int:
        """How many images the bag holds; those that cannot be used are known at the end."""
        return sum(topic.num_messages for topic in self._topics)

    @property
    def K(self) -> Float[np.ndarray, '3 3'] | None:
        """(3, 3) intrinsics of the first camera as recorded, pixels; None if unknown."""
        calibration = self._calibrations[0]
        return None if calibration is None else calibration.K

    @property
    def num_depths(self) -> int:
        """How many depth images the topic has; fewer may belong to an image."""
        return 0 if self._depth is None else self._depth.num_messages

    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames; see `frames`."""
        return self.frames(FrameChoice().picker(len(self.cameras)))

    def frames(self, picker: FramePicker) -> Iterator[SourceFrame]:
        """Yield the frames that are picked; the others are not decoded.

        Raises:
            SourceError: The bag is damaged, or not one of its images can be used.
        """
        self.drops, self.num_late = {}, 0
        num_yielded = num_picked = 0
        with BagReader(self._path) as reader:
            depths: deque[tuple[int, BagMessage]] = deque(maxlen=4 * _WAITING)
            for stamp_ns, camera, raw in self._in_order(reader, depths):
                if picker.is_done:
                    return
                if not picker.takes(stamp_ns, camera):
                    continue
                num_picked += 1
                frame = self._frame(reader, stamp_ns, camera, raw, depths)
                if frame is not None:
                    num_yielded += 1
                    yield frame
        if num_picked and not num_yielded:
            raise SourceError(
                f'not one of the {num_picked} images of {self.name} can be used '
                f'({", ".join(f"{n} {reason}" for reason, n in self.drops.items())}); see the log'
            )

    def _in_order(
        self, reader: BagReader, depths: deque[tuple[int, BagMessage]]
    ) -> Iterator[tuple[int, int, BagMessage]]:
        """Yield stamp, camera and message by the stamps, and collect depth on the way."""
        cameras = {name: index for index, name in enumerate(self.cameras)}
        names = set(cameras) | ({self.depth_topic} if self.depth_topic is not None else set())
        heap: list[tuple[int, int, int, BagMessage]] = []
        newest_ns = [0] * len(cameras)
        last_ns = [-1] * len(cameras)
        for number, raw in enumerate(reader.messages(names)):
            stamp_ns = self._stamp(reader, raw)
            if stamp_ns is None:
                continue
            if raw.topic not in cameras:
                depths.append((stamp_ns, raw))
                continue
            camera = cameras[raw.topic]
            self.num_late += stamp_ns < newest_ns[camera]
            newest_ns[camera] = max(newest_ns[camera], stamp_ns)
            heapq.heappush(heap, (stamp_ns, camera, number, raw))
            if len(heap) > _WAITING * len(cameras):
                yield from self._popped(heap, last_ns)
        while heap:
            yield from self._popped(heap, last_ns)
        if self.num_late:
            _log.warning(
                '%s has %d images that were recorded after later ones; they were put in order',
                self.name,
                self.num_late,
            )

    def _popped(
        self, heap: list[tuple[int, int, int, BagMessage]], last_ns: list[int]
    ) -> Iterator[tuple[int, int, BagMessage]]:
        stamp_ns, camera, _, raw = heapq.heappop(heap)
        if stamp_ns <= last_ns[camera]:
            self._drop('stamp_not_increasing', f'an image is stamped {stamp_ns} ns again or late')
            return
        last_ns[camera] = stamp_ns
        yield stamp_ns, camera, raw

    def _stamp(self, reader: BagReader, raw: BagMessage) -> int | None:
        try:
            return stamp_of(reader.decode(raw), raw.log_ns)
        except SourceError as error:
            self._drop('bad_message', str(error))
            return None

    def _frame(
        self,
        reader: BagReader,
        stamp_ns: int,
        camera: int,
        raw: BagMessage,
        depths: deque[tuple[int, BagMessage]],
    ) -> SourceFrame | None:
        try:
            image = decode_image(reader.decode(raw))
            self._check_size(image.shape[1], image.shape[0], self._topics[camera])
            depth = self._depth_at(reader, stamp_ns, depths) if camera == 0 else None
            calibration = self._calibrations[camera]
            K = is_seen = None
            if calibration is not None:
                K = calibration.K
                if calibration.distortion is not None:
                    found = self._rectification.apply(
                        image, K, calibration.distortion, depth, where=self.cameras[camera]
                    )
                    image, K, is_seen, depth = found.image, found.K, found.is_seen, found.depth
        except InputError as error:
            self._drop(error.reason, str(error))
            return None
        pose = None if self._truth is None else self._truth.poses.at(stamp_ns)
        return SourceFrame(
            image=image,
            stamp_ns=stamp_ns,
            K=K,
            world_from_cam=None if pose is None else pose @ self._truth_from_cam[camera],
            depth=depth,
            is_seen=is_seen,
            camera=camera,
            odom_from_base=None if self._odometry is None else self._odometry.poses.at(stamp_ns),
            fix=None if self._fixes is None else self._fixes.at(stamp_ns, camera),
        )

    def _check_size(self, width: int, height: int, topic: ImageTopic) -> None:
        if topic.size[0] and topic.size != (width, height):
            raise InputError(
                'other_size',
                f'an image on {topic.name} has {width} x {height}, the first one has '
                f'{topic.size[0]} x {topic.size[1]}',
            )

    def _depth_at(
        self, reader: BagReader, stamp_ns: int, depths: deque[tuple[int, BagMessage]]
    ) -> Float32[np.ndarray, 'h w'] | None:
        nearest = min(depths, key=lambda each: abs(each[0] - stamp_ns), default=None)
        if nearest is None or abs(nearest[0] - stamp_ns) > _MAX_DEPTH_DELAY_NS:
            return None
        try:
            return decode_depth(reader.decode(nearest[1]))
        except InputError as error:
            self._drop(f'depth_{error.reason}', str(error))
            return None

    def _drop(self, reason: str, why: str) -> None:
        if reason not in self.drops:
            _log.warning('%s: %s; images like it are left out', self.name, why)
        self.drops[reason] = self.drops.get(reason, 0) + 1

    def _read_calibrations(
        self, reader: BagReader, calibration: Calibration | None
    ) -> tuple[list[Calibration | None], list[str]]:
        if calibration is not None:
            return [calibration], []
        found: list[Calibration | None] = []
        notes = []
        for topic in self._topics:
            each = _calibration(reader, topic)
            if each is None:
                where = (
                    'no camera_info' if topic.info is None else f'{topic.info} has no focal length'
                )
                notes.append(f'{topic.name} is not calibrated: {where}')
            else:
                try:
                    each.check(topic.size if topic.size[0] else None, topic.name)
                except SourceError as error:
                    notes.append(f'{topic.info} is not used: {error}')
                    each = None
            found.append(each)
        return found, notes

    def _places(self, poses: BagPoses | None) -> list[Float[np.ndarray, '4 4']]:
        """Return where each camera is on what poses are of; nothing without poses."""
        if poses is None:
            return []
        # Poses that do not say what they are of are taken for those of the first camera.
        poses = replace(poses, child=poses.child or self._topics[0].frame)
        return [child_from_camera(poses, each.frame, self._transforms) for each in self._topics]


def _calibration(reader: BagReader, topic: ImageTopic) -> Calibration | None:
    if topic.info is None:
        return None
    raw = reader.first(topic.info)
    if raw is None:
        return None
    message: Any = reader.decode(raw)
    return calibration_of(message, topic.info, is_rectified=is_rectified_topic(topic.name))


def _transforms(reader: BagReader) -> StaticTransforms:
    if STATIC_TOPIC not in reader.topics:
        return StaticTransforms([])
    return StaticTransforms(reader.decode(raw) for raw in reader.messages([STATIC_TOPIC]))


def _truth_words(poses: BagPoses, camera: str) -> str:
    if not poses.child:
        return f'{poses.topic}, which does not say what it is of: taken for the camera'
    if poses.child == camera:
        return f'{poses.topic}, poses of the camera'
    return f'{poses.topic}, moved from {poses.child} to the camera by /tf_static'
