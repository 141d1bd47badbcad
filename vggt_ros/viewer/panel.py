"""Panel: the controls beside the map, its numbers, and pictures of what the camera sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
import math
from typing import Any

import cv2
from jaxtyping import Int64, UInt8
import numpy as np

from vggt_ros.viewer.camera_layer import MAX_FRUSTA
from vggt_ros.viewer.map_page import MapPage
from vggt_ros.viewer.number_history import NumberHistory
from vggt_ros.viewer.page_file import page_file
from vggt_ros.viewer.pictures import small
from vggt_ros.viewer.start_camera import look_at_map
from vggt_ros.viewer.view_settings import COLORINGS

_SCREENSHOT_SIZE = (1080, 1920)
_RENDER_TIMEOUT_S = 30.0
_LAYERS = ('graph', 'ellipses', 'floor')
_PLOT_COLORS = ('#5aaaff', '#ffc83c', '#fa78c8', '#78dc8c')
_NOT_SHOWN = 'nothing yet'


class Panel:
    """Made once a server; viser calls what is chosen, in threads of its own."""

    def __init__(self, server: Any, page: MapPage, name: str) -> None:
        """Add the controls.

        Args:
            server: A `viser.ViserServer`.
            page: What they change.
            name: Of the map, for names of files.
        """
        self._server, self._page, self._name = server, page, name
        self._plots: list[tuple[Any, NumberHistory]] = []
        self._pictures: dict[str, Any] = {}
        self._picture_folder: Any = None
        self._plot_folder: Any = None
        self._add_state()
        self._add_view()
        self._add_layers()
        self._add_files()

    def add_actions(self, actions: Mapping[str, Callable[[], str]]) -> None:
        """Add a button for each action; what it answers is shown to who pressed it."""
        with self._server.gui.add_folder('Control', order=1.2):
            for label, act in actions.items():
                button = self._server.gui.add_button(label)
                button.on_click(_answered(label, act))

    def add_time(self, stamps_ns: Int64[np.ndarray, ' N']) -> None:
        """Add a slider over the stamps of a path, oldest first; two or more of them."""
        begin_ns = int(stamps_ns[0])
        seconds = (int(stamps_ns[-1]) - begin_ns) / 1e9
        with self._server.gui.add_folder('Time', order=1.5):
            slider = self._server.gui.add_slider(
                'seconds',
                min=0.0,
                max=seconds,
                step=max(seconds / 500, 1e-3),
                initial_value=seconds,
            )

        def choose(event: Any) -> None:
            is_end = slider.value >= seconds - 1e-6
            until_ns = None if is_end else begin_ns + round(slider.value * 1e9)
            self._page.choose(replace(self._page.settings, until_ns=until_ns))
            image = self._page.newest_image()
            if image is not None:
                self.show_picture('image', image)

        slider.on_update(choose)

    def add_plot(self, title: str, history: NumberHistory) -> None:
        """Add a plot of numbers over seconds."""
        from viser import uplot

        if self._plot_folder is None:
            self._plot_folder = self._server.gui.add_folder('Numbers', order=5)
        with self._plot_folder:
            handle = self._server.gui.add_uplot(
                data=history.columns(),
                series=(
                    uplot.Series(label='s'),
                    *(
                        uplot.Series(label=name, stroke=color, width=1.5)
                        for name, color in zip(history.names, _PLOT_COLORS, strict=False)
                    ),
                ),
                # Numbers over seconds, not over dates.
                scales={'x': uplot.Scale(time=False, auto=True)},
                title=title,
                aspect=2.2,
            )
        self._plots.append((handle, history))

    def refresh_plots(self) -> None:
        """Show what the histories have now."""
        for handle, history in self._plots:
            if len(history):
                handle.data = history.columns()

    def show_state(self, lines: Mapping[str, str]) -> None:
        """Show what is known, one line each."""
        rows = [f'| {key} | {_plain(value)} |' for key, value in lines.items()]
        content = '\n'.join(['| | |', '|---|---|', *rows]) if rows else _NOT_SHOWN
        if content != self._state.content:
            self._state.content = content

    def show_picture(self, label: str, image: UInt8[np.ndarray, 'H W 3']) -> None:
        """Show an image under a label, in place of the one before."""
        handle = self._pictures.get(label)
        if handle is not None:
            handle.image = small(image)
            return
        if self._picture_folder is None:
            self._picture_folder = self._server.gui.add_folder('Camera', order=4)
        with self._picture_folder:
            self._pictures[label] = self._server.gui.add_image(
                small(image), label=label, format='jpeg', jpeg_quality=75
            )

    def _add_state(self) -> None:
        with self._server.gui.add_folder('State', order=1):
            self._state = self._server.gui.add_markdown(_NOT_SHOWN)

    def _add_view(self) -> None:
        gui = self._server.gui
        with gui.add_folder('View', order=2):
            coloring = gui.add_dropdown('color by', COLORINGS, initial_value='image')
            size = gui.add_slider('point size', min=0.2, max=4.0, step=0.1, initial_value=1.0)
            height = gui.add_slider(
                'height %', min=0, max=100, step=1, initial_value=100, hint='hide what is above'
            )
            confidence = gui.add_slider(
                'hide least sure %', min=0, max=90, step=1, initial_value=0
            )
            points = gui.add_slider(
                'million points', min=0.1, max=8.0, step=0.1, initial_value=2.0
            )
            whole = gui.add_button('whole map')
            above = gui.add_button('from above')
            follow = gui.add_checkbox('follow the camera', False)
        self.follow = follow

        def choose(event: Any) -> None:
            low, high = self._page.heights
            share = height.value / 100
            self._page.choose(
                replace(
                    self._page.settings,
                    coloring=coloring.value,
                    point_size=float(size.value),
                    max_height=math.inf if share == 1 else low + share * (high - low),
                    min_confidence_percent=float(confidence.value),
                    max_points=round(points.value * 1e6),
                )
            )

        for each in (coloring, size, height, confidence, points):
            each.on_update(choose)

        def look(event: Any, *, is_above: bool = False) -> None:
            extent = self._page.extent()
            if extent is not None and event.client is not None:
                look_at_map(event.client.camera, extent, is_above=is_above)

        whole.on_click(look)
        above.on_click(lambda event: look(event, is_above=True))

    def _add_layers(self) -> None:
        gui = self._server.gui
        with gui.add_folder('Show', order=3, expand_by_default=False):
            boxes = [gui.add_checkbox(name, True) for name in _LAYERS]
            frusta = gui.add_slider('cameras', min=0, max=50, step=1, initial_value=MAX_FRUSTA)
        for name, box in zip(_LAYERS, boxes, strict=True):
            self._bind_layer(name, box)
        frusta.on_update(lambda event: self._page.limit_frusta(int(frusta.value)))

    def _bind_layer(self, name: str, box: Any) -> None:
        box.on_update(lambda event: self._page.show_layer(name, is_visible=box.value))

    def _add_files(self) -> None:
        gui = self._server.gui
        with gui.add_folder('Files', order=6, expand_by_default=False):
            picture = gui.add_button('screenshot')
            html = gui.add_button('page as one file')

        def send_picture(event: Any) -> None:
            client = event.client
            height, width = _SCREENSHOT_SIZE
            image = client.get_render(height, width, timeout=_RENDER_TIMEOUT_S)
            _, content = cv2.imencode('.png', image[..., 2::-1])
            client.send_file_download(
                f'{self._name}.png', content.tobytes(), save_immediately=True
            )

        def send_page(event: Any) -> None:
            content = page_file(self._server)
            event.client.send_file_download(f'{self._name}.html', content, save_immediately=True)

        picture.on_click(send_picture)
        html.on_click(send_page)


def _answered(label: str, act: Callable[[], str]) -> Callable[[Any], None]:
    def press(event: Any) -> None:
        answer = act()
        if event.client is not None:
            event.client.add_notification(label, answer, auto_close_seconds=8.0)

    return press


def _plain(text: str) -> str:
    """Return text that a table of Markdown shows as it is, whatever a node says."""
    return ''.join(f'\\{each}' if each in '\\`*_{}[]()#+!|<>~' else each for each in text)


def summary(lines: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return lines without those that say nothing."""
    return {key: value for key, value in lines if value}
