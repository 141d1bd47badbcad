"""All settings of `viewer`."""

from __future__ import annotations

from dataclasses import dataclass

from vggt_ros.settings.parameter import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerConfig:
    """Which node is shown, to whom, and with how much power over it."""

    prefix: str = parameter('/vggt', 'Full name of the node that is shown.', read_only=True)
    host: str = parameter(
        '127.0.0.1',
        'Address to listen on; others than the default let the network in.',
        read_only=True,
    )
    port: int = parameter(
        8080, 'Of the page; 0 takes a free one.', minimum=0, maximum=65535, read_only=True
    )
    control: bool = parameter(
        False,
        'Buttons that reset, pause and save the node, for whoever opens the page.',
        read_only=True,
    )
    tracks: bool = parameter(
        False, 'Show tracks, too; the node then computes them.', read_only=True
    )
    camera: int = parameter(
        -1,
        'Of several cameras, the one whose images are shown; below 0 if there is one.',
        minimum=-1,
        maximum=7,
        read_only=True,
    )
