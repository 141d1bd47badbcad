"""Bag topics: which of a bag's topics are the images, and what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vggt_ros.errors import InputError, OptionError, SourceError
from vggt_ros.sources.bag_reader import BagReader
from vggt_ros.sources.bag_transforms import frame_name
from vggt_ros.sources.image_message import is_depth, size_of

IMAGE_TYPES = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
# Packets of films and others that need what came before them.
_OTHER_IMAGES = (
    'ffmpeg_image_transport_msgs/',
    'foxglove_msgs/msg/CompressedVideo',
    'theora_image',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTopic:
    """One topic of images, as its first message shows it.

    Attributes:
        name: Of the topic.
        num_messages: In the bag.
        size: Width and height, pixels; (0, 0) if the first image is damaged.
        is_depth: Whether it is depth.
        frame: Name of the camera's frame.
        info: Topic of its camera_info; None if there is none.
        encoding: Of its pixels, or the format of its pictures.
    """

    name: str
    num_messages: int
    size: tuple[int, int]
    is_depth: bool
    frame: str
    info: str | None
    encoding: str

    @property
    def description(self) -> str:
        """Return what helps to choose it, one line."""
        kind = 'depth' if self.is_depth else self.encoding
        known = 'with camera_info' if self.info is not None else 'without camera_info'
        return f'{self.num_messages} of {self.size[0]} x {self.size[1]}, {kind}, {known}'


def image_topics(reader: BagReader) -> list[ImageTopic]:
    """Return the topics of images that have messages.

    Raises:
        SourceError: The bag is damaged.
    """
    found = []
    for topic in reader.topics.values():
        if topic.type in IMAGE_TYPES and topic.num_messages:
            message = reader.first(topic.name)
            if message is not None:
                found.append(_described(reader, topic.name, reader.decode(message)))
    return found


def choose_images(
    topics: Sequence[ImageTopic], wanted: Sequence[str], reader: BagReader, name: object
) -> list[ImageTopic]:
    """Return the topics to read: those that are wanted, or the only one, or the best one.

    Of several the one with camera_info and the largest images is taken, if there is one.

    Args:
        topics: Of images.
        wanted: Names; empty to choose.
        reader: Knows the other topics, for errors.
        name: Of the bag, for errors.

    Raises:
        SourceError: A topic is not there, there are no images, or none is better than the others.
    """
    images = [topic for topic in topics if not topic.is_depth]
    if wanted:
        by_name = {topic.name: topic for topic in topics}
        missing = [each for each in wanted if each not in by_name]
        if missing:
            raise OptionError(f'{name} has no images on {", ".join(missing)}; {_choices(images)}')
        if len(set(wanted)) < len(wanted):
            raise OptionError(f'{", ".join(wanted)} names a topic twice; name each camera once')
        depths = [each for each in wanted if by_name[each].is_depth]
        if depths:
            raise OptionError(
                f'{", ".join(depths)} in {name} is depth, not images; {_choices(images)}'
            )
        return [by_name[each] for each in wanted]
    if not images:
        raise SourceError(f'{name} has no images{_others(reader)}; record a topic of images')
    if len(images) == 1:
        return images
    known = [topic for topic in images if topic.info is not None] or images
    largest = max(topic.size[0] * topic.size[1] for topic in known)
    best = [topic for topic in known if topic.size[0] * topic.size[1] == largest]
    # One camera under two names: the raw images need no decoding with losses.
    bases = {_base(topic.name) for topic in best}
    if len(bases) == 1:
        return sorted(best, key=lambda topic: len(topic.name))[:1]
    if len(best) > 1:
        raise SourceError(f'{name} has images on {len(images)} topics; {_choices(images)}')
    return best


def depth_topic_of(
    topics: Sequence[ImageTopic], image: ImageTopic, wanted: str | None, name: object
) -> ImageTopic | None:
    """Return the topic of depth that shows what the images show; None if there is none.

    Without a name it is the only one whose images are of the same frame and size.

    Raises:
        SourceError: The one that is wanted is not there.
    """
    depths = [topic for topic in topics if topic.is_depth]
    if wanted is not None:
        found = next((topic for topic in depths if topic.name == wanted), None)
        if found is None:
            listed = ''.join(f'\n  --depth-topic {topic.name}' for topic in depths)
            raise OptionError(
                f'{name} has no depth on {wanted}'
                + (f'; give one of{listed}' if listed else ', nor on another topic')
            )
        return found
    same = [t for t in depths if t.frame and (t.frame, t.size) == (image.frame, image.size)]
    return same[0] if len(same) == 1 else None


def _described(reader: BagReader, name: str, message: Any) -> ImageTopic:
    try:
        size = size_of(message)
    except InputError:
        size = (0, 0)
    kind = message.encoding if hasattr(message, 'encoding') else message.format
    return ImageTopic(
        name=name,
        num_messages=reader.topics[name].num_messages,
        size=size,
        is_depth=is_depth(message),
        frame=frame_name(message.header.frame_id),
        info=_info_topic(reader, name),
        encoding=' '.join(str(kind).split())[:40],
    )


def _base(name: str) -> str:
    """Return the name of the images without how they are packed."""
    return name.removesuffix('/compressed').removesuffix('/compressedDepth')


def _info_topic(reader: BagReader, name: str) -> str | None:
    base = _base(name)
    for each in (f'{base.rpartition("/")[0]}/camera_info', f'{base}/camera_info'):
        if each in reader.topics and reader.topics[each].type == INFO_TYPE:
            return each
    return None


def _choices(images: Sequence[ImageTopic]) -> str:
    if not images:
        return 'it has none at all'
    width = max(len(topic.name) for topic in images)
    lines = ''.join(f'\n  --topic {t.name:<{width}}  # {t.description}' for t in images)
    return f'give one of{lines}'


def _others(reader: BagReader) -> str:
    films = [t.name for t in reader.topics.values() if t.type.startswith(_OTHER_IMAGES)]
    if films:
        return (
            f' that can be read: {", ".join(films)} has packets of a film, which must be decoded '
            f'to images first'
        )
    listed = ', '.join(f'{t.name} ({t.type})' for t in list(reader.topics.values())[:8])
    return f' among its {len(reader.topics)} topics ({listed})' if listed else ' and no topics'
