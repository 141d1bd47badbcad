"""Performance plot: results of the benchmarks as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Line = Mapping[str, Any]
_BAR_WIDTH = 0.38


def draw_performance(results: Mapping[str, Sequence[Line]], path: Path) -> None:
    """Draw ratios of streaming to plain, and the node's latency over the camera's rate.

    Args:
        results: By benchmark, the lines that it printed.
        path: Of the PNG.
    """
    streaming = [line for line in results.get('streaming', ()) if 'failed' not in line]
    node = [line for line in results.get('node', ()) if 'failed' not in line]
    figure = Figure(figsize=(13, 6.5), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_ratios(left, streaming)
    _draw_latency(right, node)
    machines = dict.fromkeys(line['machine'] for line in (*streaming, *node) if 'machine' in line)
    figure.suptitle('; '.join(machines), fontsize=9)
    figure.savefig(path, dpi=110)


def _draw_ratios(axes: Axes, lines: Sequence[Line]) -> None:
    places = range(len(lines))
    axes.barh(
        [place - _BAR_WIDTH / 2 for place in places],
        [line['throughput_ratio'] for line in lines],
        _BAR_WIDTH,
        label='new frames per second (more is better)',
    )
    axes.barh(
        [place + _BAR_WIDTH / 2 for place in places],
        [line['latency_ratio'] for line in lines],
        _BAR_WIDTH,
        label='time to the answer (less is better)',
    )
    axes.axvline(1.0, color='black', linewidth=0.8)
    axes.set_yticks(list(places), [_name(line) for line in lines], fontsize=8)
    axes.invert_yaxis()
    axes.set_title('streaming / plain pass')
    axes.legend(fontsize=8, loc='upper center', bbox_to_anchor=(0.5, -0.05), ncols=2)


def _name(line: Line) -> str:
    extras = [line['precision'], f'overlap {line["overlap"]}']
    extras += ['compiled'] if line['is_compiled'] else []
    extras += ['same products'] if line['has_equal_products'] else []
    return f'{line["network"]} {", ".join(extras)}'


def _draw_latency(axes: Axes, lines: Sequence[Line]) -> None:
    rates = [line['camera_hz'] for line in lines]
    for name, words in (('latency_p95_s', 'p95'), ('latency_p50_s', 'p50')):
        axes.plot(rates, [line[name] / line['window_s'] for line in lines], 'o-', label=words)
    axes.set_xlabel('images per second')
    axes.set_ylabel('stamp to cloud / time of a window')
    axes.set_ylim(0.0, max(2.6, axes.get_ylim()[1]))
    axes.set_title('latency of the whole node')
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
