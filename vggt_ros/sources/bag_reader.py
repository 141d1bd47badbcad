"""Bag reader: messages of ROS 1 and ROS 2 recordings without ROS, by the library rosbags.

Messages are read by the definitions of the distributions, not by those within the bag: the few
types that are needed here are the same in all of them, old bags carry none, and no code is made
from what a file says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, ExitStack
from dataclasses import dataclass
from functools import lru_cache
import heapq
from pathlib import Path
import re
import shutil
import tempfile
from typing import Any

from vggt_ros.errors import SourceError

_SUFFIXES = ('.bag', '.mcap', '.db3')
_COMPRESSED = ('.mcap.zstd', '.db3.zstd', '.mcap.zst', '.db3.zst', '.bag.zst')
# Named as ROS 1 did before tf2.
_SAME_AS = {'tf/msg/tfMessage': 'tf2_msgs/msg/TFMessage'}
_REMEDY = {
    '.mcap': 'repair it with `mcap recover`',
    '.bag': 'repair it with `rosbag reindex`',
    '.db3': 'repair it with `sqlite3 BAG .recover`',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BagTopic:
    """One topic.

    Attributes:
        name: Of the topic.
        type: Of its messages, `package/msg/Name`, for ROS 1 as well.
        num_messages: In the whole bag.
    """

    name: str
    type: str
    num_messages: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BagMessage:
    """One message, not decoded.

    Attributes:
        topic: Where it was sent.
        log_ns: When it was recorded.
        raw: Its bytes.
    """

    topic: str
    log_ns: int
    raw: bytes


def is_bag(path: Path) -> bool:
    """Return whether a file or folder is a bag by its names."""
    if path.is_dir():
        return (path / 'metadata.yaml').is_file() or bool(_parts(path))
    return path.is_file() and path.name.lower().endswith((*_SUFFIXES, *_COMPRESSED))


class BagReader:
    """One pass over a bag; use it with `with`.

    Attributes:
        topics: By name.
        notes: What a user should know, one sentence each.
    """

    def __init__(self, path: Path) -> None:
        """Find the files; nothing is opened yet.

        Args:
            path: A file .bag, .mcap or .db3, or a folder with `metadata.yaml` or with such files.

        Raises:
            SourceError: The library is missing, or there is no bag.
        """
        self._path = path
        self._files = _files(path)
        self._is_ros1 = self._files[0].suffix == '.bag'
        self._stack = ExitStack()
        self._readers: list[Any] = []
        self.topics: dict[str, BagTopic] = {}
        self.notes: tuple[str, ...] = ()

    def __enter__(self) -> BagReader:
        """Open the files.

        Raises:
            SourceError: They are damaged, of an unknown version, or parts are missing.
        """
        with _told(self._path, self._stack):
            for file in self._files:
                reader = _reader(file, is_ros1=self._is_ros1)
                self._stack.enter_context(reader)
                self._readers.append(reader)
            self.topics = _topics(self._readers)
        parts = _parts(self._path) if self._path.is_dir() else self._files
        self.notes = tuple(
            f'{part.name}-wal holds messages that are not read; `sqlite3 {part.name} "PRAGMA '
            f'wal_checkpoint"` moves them into the bag'
            for part in parts
            if Path(f'{part}-wal').is_file() and Path(f'{part}-wal').stat().st_size
        )
        return self

    def __exit__(self, *error: object) -> None:
        """Close the files."""
        self._stack.close()
        self._readers = []

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Yield messages in the order in which they were recorded.

        Args:
            topics: Their names, at least one.

        Raises:
            SourceError: The bag is damaged from here on.
        """
        with _told(self._path):
            parts = []
            for reader in self._readers:
                chosen = [each for each in reader.connections if each.topic in topics]
                if chosen:
                    parts.append(reader.messages(connections=chosen))
            for connection, log_ns, raw in heapq.merge(*parts, key=lambda each: each[1]):
                yield BagMessage(topic=connection.topic, log_ns=int(log_ns), raw=bytes(raw))

    def first(self, topic: str) -> BagMessage | None:
        """Return the first message of a topic; None if it has none.

        Raises:
            SourceError: The bag is damaged before it.
        """
        return next(self.messages([topic]), None)

    def decode(self, message: BagMessage) -> Any:
        """Return the fields of a message as attributes; arrays are numpy's.

        Raises:
            SourceError: The bytes are no such message.
        """
        kind = self.topics[message.topic].type
        kind = _SAME_AS.get(kind, kind)
        store = _typestore(is_ros1=self._is_ros1)
        if kind not in store.fielddefs:
            raise SourceError(
                f'{message.topic} in {self._path} has messages of the type {kind}, which cannot '
                f'be read here; choose another topic'
            )
        with _told(self._path):
            if self._is_ros1:
                return store.deserialize_ros1(message.raw, kind)
            return store.deserialize_cdr(message.raw, kind)


def _parts(folder: Path) -> list[Path]:
    """Return the files of bags in a folder, 2 before 10."""
    found = [f for f in folder.glob('[!.]*') if f.suffix.lower() in _SUFFIXES and f.is_file()]
    return sorted(found, key=lambda f: [int(d) for d in re.findall(r'\d+', f.stem)])


def _files(path: Path) -> list[Path]:
    if path.name.lower().endswith(_COMPRESSED):
        raise SourceError(
            f'{path} is compressed as a whole; give the folder with its metadata.yaml, or '
            f'decompress it: zstd -d {path.name}'
        )
    if path.is_file():
        return [path]
    if (path / 'metadata.yaml').is_file():
        return [path]
    parts = _parts(path)
    if not parts:
        raise SourceError(
            f'{path} holds no bag; give a file {", ".join(_SUFFIXES)} or a folder with '
            f'metadata.yaml'
        )
    kinds = sorted({part.suffix.lower() for part in parts})
    if len(kinds) > 1:
        listed = '\n'.join(f'  {part}' for part in parts)
        raise SourceError(
            f'{path} holds bags of {len(kinds)} kinds ({", ".join(kinds)}); give one of\n{listed}'
        )
    return parts


def _reader(file: Path, *, is_ros1: bool) -> Any:
    try:
        from rosbags import rosbag1, rosbag2
    except ModuleNotFoundError as error:
        raise SourceError(
            f"reading {file} needs the library rosbags: pip install 'vggt_ros[offline]'"
        ) from error
    if is_ros1:
        return rosbag1.Reader(file)
    _check_space(file)
    return rosbag2.Reader(file)


def _check_space(folder: Path) -> None:
    """Refuse a bag whose files do not fit where they are decompressed."""
    compressed = [*folder.glob('*.zstd'), *folder.glob('*.zst')] if folder.is_dir() else []
    needed = sum(file.stat().st_size for file in compressed)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        raise SourceError(
            f'the files of {folder} have {needed} bytes compressed, and {tempfile.gettempdir()}, '
            f'where they are decompressed, has {free} free; set TMPDIR to a larger disk'
        )


def _topics(readers: list[Any]) -> dict[str, BagTopic]:
    found: dict[str, BagTopic] = {}
    for reader in readers:
        for each in reader.connections:
            before = found.get(each.topic)
            num = int(each.msgcount) + (before.num_messages if before is not None else 0)
            found[each.topic] = BagTopic(name=each.topic, type=each.msgtype, num_messages=num)
    return dict(sorted(found.items()))


@lru_cache(maxsize=2)
def _typestore(*, is_ros1: bool) -> Any:
    from rosbags.typesys import get_types_from_msg, get_typestore, Stores

    if not is_ros1:
        return get_typestore(Stores.ROS2_HUMBLE)
    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(
        get_types_from_msg('geometry_msgs/TransformStamped[] transforms', 'tf2_msgs/msg/TFMessage')
    )
    return store


@contextmanager
def _told(path: Path, stack: ExitStack | None = None) -> Iterator[None]:
    """Turn what parsers meet in damaged bytes into an error that names the bag and a remedy."""
    try:
        yield
    except SourceError:
        if stack is not None:
            stack.close()
        raise
    # The library's parsers raise nearly anything: from apsw, struct, zstd, lz4, MemoryError.
    except Exception as error:
        if stack is not None:
            stack.close()
        words = ' '.join(f'{error}'.split()) or type(error).__name__
        raise SourceError(
            f'the bag {path} cannot be read: {words[:300]}; {_remedy(path, words)}'
        ) from (error)


def _remedy(path: Path, words: str) -> str:
    if 'missing' in words and path.is_dir():
        there = _parts(path)
        if there:
            listed = '\n'.join(f'  {part}' for part in there)
            return f'copy all parts, or give one of those that are there:\n{listed}'
    kinds = {file.suffix for file in ([path] if path.is_file() else _parts(path))}
    remedies = [_REMEDY[kind] for kind in sorted(kinds) if kind in _REMEDY]
    return f'if it is cut short or damaged, {" or ".join(remedies) or "record or copy it again"}'
