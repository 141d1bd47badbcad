"""What is in the way of a running node, as lines for `vggt_ros doctor`."""

from __future__ import annotations

from collections.abc import Iterator
import json
import sys

from vggt_ros.ros.input.input_report import input_problems
from vggt_ros.ros.tools.graph_probe import probe_graph


def graph_lines(node: str, seconds: float) -> Iterator[tuple[bool, str]]:
    """Yield what a running node hears and says, in the words of its own watchdog.

    Args:
        node: Full name of the node.
        seconds: How long messages are counted.

    Yields:
        Whether that is as it should be, and a line about it.
    """
    report = probe_graph(node, seconds)
    for topic in report.topics:
        yield (
            True,
            f'{topic.topic}: {topic.num_publishers} publishers, {topic.rate_hz:.1f} Hz',
        )
    if not report.is_running:
        seen = 'no topic of a camera is there, either'
        if report.topics:
            seen = 'the topics of cameras are listed above'
        yield (
            False,
            f'there is no node {node}; {seen}: '
            f'ros2 launch vggt_ros vggt.launch.py image_topic:=<topic>',
        )
        return
    for line in input_problems(report.topics, report.cameras, report.settings, 0.8 * seconds):
        yield False, line
    if not report.values:
        yield False, f'{node} says nothing on /diagnostics; is it configured?'
        return
    state = report.values.get('state', '')
    is_well = report.status in (state, '')
    yield is_well, f'{node} is {state}{"" if is_well else f": {report.status}"}'
    keys = ('frames_in', 'frames_used', 'frames_dropped', 'latency_p50_s', 'is_metric', 'tf_mode')
    yield True, ', '.join(f'{key} {report.values[key]}' for key in keys if key in report.values)


def main() -> int:
    """Print the lines as JSON; the words are the node and the seconds."""
    node, seconds = sys.argv[1:]
    for line in graph_lines(node, float(seconds)):
        sys.stdout.write(f'{json.dumps(line)}\n')
        sys.stdout.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main())
