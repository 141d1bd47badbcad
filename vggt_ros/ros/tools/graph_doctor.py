"""Graph doctor: what is in the way of a running node, as lines for `vggt_ros doctor`."""

from __future__ import annotations

from collections.abc import Iterator
import json
import sys

from vggt_ros.ros.input.input_report import input_problems
from vggt_ros.ros.input.problem import by_cause, Cause, Problem, problems_of
from vggt_ros.ros.tools.graph_probe import GraphReport, probe_graph

# By the state of a node that runs and does nothing; some wanted that.
_REMEDIES = {
    'unconfigured': (
        'ros2 lifecycle set {node} configure, then activate; it does both itself if autostart '
        'is true'
    ),
    'inactive': 'ros2 lifecycle set {node} activate',
    'finalized': 'it was shut down for good; start it anew',
    'paused': 'ros2 service call {node}/enable std_srvs/srv/SetBool "{{data: true}}"',
}


def graph_lines(node: str, seconds: float) -> Iterator[tuple[bool, str]]:
    """Yield what a running node hears, what is wrong, the cause first, and how far it is.

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
    for problem in by_cause(_problems(node, report, seconds)):
        yield False, problem.text
    if not report.values:
        return
    yield True, f'{node} is {report.values.get("state", "")}'
    keys = ('frames_in', 'frames_used', 'frames_dropped', 'latency_p50_s', 'is_metric', 'tf_mode')
    yield True, ', '.join(f'{key} {report.values[key]}' for key in keys if key in report.values)


def _problems(node: str, report: GraphReport, seconds: float) -> list[Problem]:
    """Return what is wrong, as the node says and as it looks from outside."""
    if not report.is_running:
        topics = 'no topic of a camera is there, either'
        if report.topics:
            topics = 'the topics of cameras are listed above'
        text = (
            f'there is no node {node}; {topics}: '
            f'ros2 launch vggt_ros vggt.launch.py image_topic:=<topic>'
        )
        return [Problem(cause=Cause.NODE, text=text)]
    said = problems_of(report.values)
    seen = input_problems(report.topics, report.cameras, report.settings, 0.8 * seconds)
    found = said + [each for each in seen if not any(map(each.is_told_by, said))]
    if not report.values:
        text = (
            f'{node} says nothing on /diagnostics for {seconds:g} s: look whether it hangs '
            f'(its log), whether /diagnostics is remapped, and at diagnostics.period'
        )
        return [Problem(cause=Cause.NODE, text=text), *found]
    state = report.values.get('state', '')
    if state in _REMEDIES:
        text = f'{node} is {state} and takes no images: {_REMEDIES[state].format(node=node)}'
        found.append(Problem(cause=Cause.INACTIVE, text=text))
    return found


def main() -> int:
    """Print the lines as JSON; the words are the node and the seconds."""
    node, seconds = sys.argv[1:]
    for line in graph_lines(node, float(seconds)):
        sys.stdout.write(f'{json.dumps(line)}\n')
        sys.stdout.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main())
