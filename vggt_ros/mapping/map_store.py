"""Map store: the folder where a running mapper saves its map, on demand and by itself."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path
import threading
import time

from vggt_ros.errors import SaveError
from vggt_ros.mapping.export.latest_link import point_latest, remove_left_links
from vggt_ros.mapping.export.part_folder import (
    maps_named,
    PartFolder,
    remove_leftovers,
    remove_map,
    write_whole,
)
from vggt_ros.mapping.export.saved_map import save_map, SavedMap
from vggt_ros.mapping.map_state import MapState
from vggt_ros.mapping.session.map_session import MapSession
from vggt_ros.mapping.session.session_folder import write_session
from vggt_ros.settings.live_config import LiveConfig
from vggt_ros.settings.parameter_tree import values_of

# Maps of one folder are told apart by the number that follows.
MAP_NAME, AUTOSAVE_NAME = 'map', 'autosave'
_POLL_S = 0.02


class MapStore:
    """Saves the map of a mapper below `map.save_path`. Any thread may call.

    A save on demand is a new folder, `map`, `map-2`... An automatic one takes the place of the one
    before: the new folder is complete before `latest` leads to it, and the old one goes after
    that, so that at any moment one of the two is whole.
    """

    def __init__(self, config: LiveConfig, current: MapState, *, software: str) -> None:
        """Save nothing yet.

        Args:
            config: The settings.
            current: The map.
            software: Name and version of what saves it.
        """
        self._config = config
        self._map = current
        self._software = software
        self._lock = threading.Lock()
        self._saves: deque[PartFolder] = deque(maxlen=2)
        self._saved = (-1, -1, -1)

    @property
    def folder(self) -> Path:
        """Where maps are saved."""
        return Path(self._config.value.map.save_path).expanduser()

    def remove_leftovers(self) -> int:
        """Remove what killed processes left; return how many maps were unfinished."""
        names = (MAP_NAME, AUTOSAVE_NAME)
        try:
            folder = self.folder
        except RuntimeError:  # there is no home folder
            return 0
        remove_left_links(folder)
        return sum(remove_leftovers(folder, name) for name in names)

    def save(self, *, camera_frame: str) -> SavedMap:
        """Write the map into a new folder; takes a second for a large one.

        Args:
            camera_frame: Optical coordinate frame of the camera, empty if not known.

        Raises:
            SaveError: There is nothing to save, the map is one that is only localized in, or the
                disk is full or not writable.
        """
        config = self._config.value
        self._check_mode()
        with self._map.lock:
            points, _ = self._map.points()
            views, session = self._map.views(), self._map.session()
        saved = save_map(
            Path(config.map.save_path),
            points,
            views,
            name=MAP_NAME,
            is_metric=session.is_metric,
            map_frame=config.frames.map,
            camera_frame=camera_frame,
            max_saves=config.map.max_saves,
            on_begin=self._saves.append,
            write_more=lambda path: self._write(path, session),
        )
        with suppress(OSError):  # the map itself is there
            point_latest(saved.folder.parent, saved.folder.name)
        return saved

    def autosave(self) -> Path | None:
        """Write what is needed to go on with the map, in place of the last automatic save.

        Returns:
            The new folder; None if the map is empty or has not changed since.

        Raises:
            SaveError: The disk is full or not writable; the last save is still there.
        """
        self._check_mode()
        with self._lock:
            with self._map.lock:
                newest = self._map.graph.newest
                state = (
                    self._map.epoch,
                    -1 if newest is None else newest.id,
                    self._map.graph.num_loops,
                )
                if newest is None or state == self._saved:
                    return None
                session = self._map.session()
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                target = write_whole(
                    self.folder,
                    AUTOSAVE_NAME,
                    lambda path: self._write(path, session),
                    self._saves.append,
                )
                self._point_to(target)
            except (OSError, RuntimeError) as error:
                reason = getattr(error, 'strerror', None) or error
                raise SaveError(
                    f'the map was not saved by itself in {self._config.value.map.save_path}: '
                    f'{reason}; the last one is still there; make room or set map.save_path to a '
                    f'folder that can be written'
                ) from error
            self._saved = state
            return target

    def end(self, timeout_s: float) -> None:
        """Wait for a map that is being saved; what is not there in time is removed."""
        deadline_s = time.monotonic() + timeout_s
        for part in list(self._saves):
            while not part.is_over and time.monotonic() < deadline_s:
                time.sleep(_POLL_S)
            part.discard()

    def _point_to(self, target: Path) -> None:
        """Let `latest` lead to a new automatic save; then those before go."""
        point_latest(target.parent, target.name)
        for old in maps_named(target.parent, AUTOSAVE_NAME):
            if old != target:
                remove_map(old, AUTOSAVE_NAME)

    def _check_mode(self) -> None:
        if self._config.value.mode == 'localization':
            raise SaveError(
                'mode is localization: the map is as it was loaded from '
                f'{self._config.value.map.load_path}, and there is nothing to save; set mode to '
                f'mapping to go on with it'
            )

    def _write(self, folder: Path, session: MapSession) -> None:
        settings = values_of(self._config.value)
        write_session(folder, session, software=self._software, settings=settings)
