"""The health of the node on /diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
import math
import time

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from vggt_ros.mapping.backend.loop_verification import LoopStatistics
from vggt_ros.mapping.frontend.counters import Counts
from vggt_ros.mapping.layers.coverage import Coverage
from vggt_ros.mapping.refinement.refined_window import RefinementReport
from vggt_ros.mapping.registration.metric_scale import ScaleState
from vggt_ros.ros.health import Health
from vggt_ros.ros.input.problem import by_cause, Cause, Problem, problem_values
from vggt_ros.ros.middleware.memory import resident_mb
from vggt_ros.ros.middleware.rate import Rate

# Two predictions of the same pixels that differ by more are no firm ground for the next window.
_MAX_SCALE_RESIDUAL = 0.1
_MAX_DEPTH_RATIO = 50.0
_FOCAL_RATIO_RANGE = 0.8, 1.25
_RECENT_S = 10.0
# No network is that slow; something hangs.
_MAX_BUSY_S = 10.0


class Diagnostics:
    """Turns the health of a node into messages; remembers the last ones for rates and alarms."""

    def __init__(self, node_name: str) -> None:
        """Start without history.

        Args:
            node_name: Fully qualified name of the node, shown as the name of the status.
        """
        self._name = f'{node_name.lstrip("/")}: mapping'
        self._hardware_id = 'camera'
        self._rates = {name: Rate() for name in ('images', 'frames', 'windows')}
        self._last: Counts | None = None
        self._trouble_at_s: dict[str, float] = {}

    def message(self, stamp: Time, health: Health) -> DiagnosticArray:
        """Return the message for /diagnostics.

        The level is ERROR after an error (for some seconds if it was one of a callback), WARN
        while frames or windows were lost in the last seconds or a number is outside its usual
        range, otherwise OK.
        """
        now_s = time.monotonic()
        self._note_trouble(now_s, health.counts)
        problems = by_cause(self._problems(now_s, health))
        level, summary = _level(health, problems)
        values = {'state': health.state, **self._count_values(now_s, health)}
        values |= {
            'frames_pending': str(health.frames_pending),
            **_input_values(health),
            'no_window': health.no_window,
            'blind': health.blind,
            'map_points': str(health.map_points),
            'scale': _number(health.scale),
            'scale_residual': _number(health.scale_residual),
            'depth_ratio': _number(health.depth_ratio),
            'focal_ratio': _number(health.focal_ratio),
            'submaps': str(health.submaps),
            'loops': str(health.loops),
            **_loop_values(health.loop_statistics),
            **_refinement_values(health.refinement),
            **_coverage_values(health.coverage),
            'is_connected': _truth(health.is_connected),
            'tf_mode': health.tf_mode,
            'tf_problem': _tf_problem(health),
            **_gravity_values(health),
            **_scale_values(health.scale_state),
            'window_busy_s': _number(health.busy_s),
            'memory_mb': _number(resident_mb()),
            'memory_gpu_mb': _number(health.gpu_mb),
            'callback_errors': str(health.callback_errors),
            'error': health.error or health.callback_error,
        }
        values |= problem_values(problems)
        values |= {f'model.{key}': value for key, value in health.model.items()}
        status = DiagnosticStatus(
            level=level,
            name=self._name,
            message=summary,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        return DiagnosticArray(header=Header(stamp=stamp), status=[status])

    def _count_values(self, now_s: float, health: Health) -> dict[str, str]:
        counts = health.counts
        if counts is None:
            return {}
        rates = {
            'images': counts.frames_in,
            'frames': counts.frames_used,
            'windows': counts.windows,
        }
        return {
            'frames_in': str(counts.frames_in),
            'frames_used': str(counts.frames_used),
            'frames_dropped': str(counts.num_dropped),
            **{f'dropped.{reason}': str(n) for reason, n in sorted(counts.drops.items())},
            'windows': str(counts.windows),
            'windows_failed': str(counts.windows_failed),
            **{f'refined.{how}': str(n) for how, n in sorted(counts.refinements.items())},
            'latency_p50_s': _number(counts.latency_p50_s),
            'latency_p95_s': _number(counts.latency_p95_s),
            **{
                f'rate_{name}_hz': _number(self._rates[name].update(now_s, count))
                for name, count in rates.items()
            },
        }

    def _problems(self, now_s: float, health: Health) -> list[Problem]:
        """Return everything that deserves a look, in no order."""
        recent = [text for text, at_s in self._trouble_at_s.items() if now_s - at_s < _RECENT_S]
        quality = [*recent, *_unusual(health)]
        if not health.is_connected:
            quality.append(
                'relocalizing: the newest part of the map is not connected to the rest; its place '
                'is a guess until a place is revisited'
            )
        is_of_window = health.error == health.window_error
        lines = [
            (Cause.NETWORK if is_of_window else Cause.ERROR, health.error),
            (Cause.ERROR, health.callback_error),
            (Cause.INACTIVE, health.delay),
            (Cause.SIGHT, health.obstacle),
            *((Cause.NETWORK, line) for line in _network_lines(health)),
            (Cause.CONFLICT, health.tf_conflict),
            *((Cause.GRAVITY, line) for line in _gravity_lines(health)),
            *((Cause.QUALITY, line) for line in quality),
        ]
        found = [Problem(cause=cause, text=line) for cause, line in lines if line]
        return [*found, *health.input_problems, *health.tf_problems]

    def _note_trouble(self, now_s: float, counts: Counts | None) -> None:
        if counts is None:
            return
        before = {} if self._last is None else self._last.drops
        for reason, number in counts.drops.items():
            # Frames that bring nothing new, or that the user asked to forget, are no trouble.
            if number > before.get(reason, 0) and reason not in _HARMLESS_DROPS:
                self._trouble_at_s[f'frames dropped: {reason}'] = now_s
        if counts.windows_failed > (0 if self._last is None else self._last.windows_failed):
            self._trouble_at_s['windows failed'] = now_s
        self._last = counts


def _level(health: Health, problems: Sequence[Problem]) -> tuple[bytes, str]:
    error = health.error or health.callback_error
    if error:
        return DiagnosticStatus.ERROR, error
    if problems:
        return DiagnosticStatus.WARN, '; '.join(each.text for each in problems)
    return DiagnosticStatus.OK, health.state


def _network_lines(health: Health) -> list[str]:
    found = []
    if health.busy_s > _MAX_BUSY_S:
        found.append(
            f'the network has been at one window for {health.busy_s:.0f} s; images that come '
            f'meanwhile are dropped as late'
        )
    if health.model.get('is_trained') == 'false':
        found.append(health.model['note'])
    if health.window_limit is not None:
        found.append(
            f'out of memory: windows are limited to {health.window_limit} frame sets; lower '
            f'window.size or model.image_size'
        )
    return found


def _tf_problem(health: Health) -> str:
    lines = (health.tf_conflict, *(each.text for each in health.tf_problems))
    return '; '.join(filter(None, lines))


def _gravity_lines(health: Health) -> list[str]:
    return [each.problem for each in (health.imu, health.leveling) if each and each.problem]


def _gravity_values(health: Health) -> dict[str, str]:
    if health.imu is None or health.leveling is None:
        return {}
    leveling = health.leveling
    return {
        'leveling.windows': str(leveling.num_used),
        'leveling.error_deg': _number(leveling.error_deg),
        'leveling.refused': str(leveling.num_refused),
        **{f'imu.refused.{why}': str(n) for why, n in sorted(health.imu.refused.items())},
        'imu.problem': '; '.join(_gravity_lines(health)),
    }


def _unusual(health: Health) -> list[str]:
    found = []
    if health.scale_residual > _MAX_SCALE_RESIDUAL:
        found.append(f'scale_residual {health.scale_residual:.2f} > {_MAX_SCALE_RESIDUAL}')
    if not math.isnan(health.depth_ratio) and not (
        1.0 / _MAX_DEPTH_RATIO <= health.depth_ratio <= _MAX_DEPTH_RATIO
    ):
        found.append(
            f'what the newest window sees is {health.depth_ratio:.3g} times as far away as '
            f'usually (limits {1.0 / _MAX_DEPTH_RATIO:g}..{_MAX_DEPTH_RATIO:g}): the unit of the '
            f'map has run away unless the camera is that near; ~/reset begins again, '
            f'a source of scale (scale.source) prevents it'
        )
    low, high = _FOCAL_RATIO_RANGE
    if not math.isnan(health.focal_ratio) and not low <= health.focal_ratio <= high:
        found.append(f'focal_ratio {health.focal_ratio:.2f} outside {low}..{high}')
    return found


def _input_values(health: Health) -> dict[str, str]:
    values = {}
    for topic in health.topics:
        values[f'input.{topic.topic}.rate_hz'] = _number(topic.rate_hz)
        values[f'input.{topic.topic}.publishers'] = str(topic.num_publishers)
        values[f'input.{topic.topic}.loss'] = topic.loss
        values[f'input.{topic.topic}.loss_share'] = _number(topic.loss_share)
        values[f'input.{topic.topic}.kind'] = topic.kind
    if len(health.cameras) > 1:
        for number, camera in enumerate(health.cameras):
            name = f'camera_{number}'
            values |= {
                f'{name}.frames': str(camera.num_frames),
                f'{name}.in_sets': str(camera.num_in_sets),
                f'{name}.offset_ms': _number(1e3 * camera.offset_s),
                f'{name}.period_ms': _number(1e3 * camera.period_s),
                f'{name}.true_offset_ms': _number(1e3 * camera.true_offset_s),
                f'{name}.is_missing': _truth(camera.is_missing),
            }
    return values


def _refinement_values(report: RefinementReport | None) -> dict[str, str]:
    if report is None:
        return {'refinement.method': 'off'}
    return {
        'refinement.method': report.method,
        'refinement.start': report.start,
        'refinement.reason': report.reason,
        'refinement.tracks': str(report.num_tracks),
        'refinement.observations': str(report.num_observations),
        'refinement.median_px': _number(report.median_px),
        'refinement.median_angle_deg': _number(report.median_angle_deg),
        'refinement.focal_ratio': _number(report.focal_ratio),
        'refinement.duration_s': _number(report.duration_s),
    }


def _loop_values(statistics: LoopStatistics | None) -> dict[str, str]:
    if statistics is None:
        return {}
    return {
        'loop.queries': str(statistics.num_queries),
        'loop.verified': str(statistics.num_verified),
        'loop.confirmed': str(statistics.num_confirmed),
        **{f'loop.refused.{reason}': str(n) for reason, n in sorted(statistics.refusals.items())},
    }


def _coverage_values(found: Coverage | None) -> dict[str, str]:
    if found is None:
        return {}
    return {
        'coverage.observed_m2': _number(found.observed_m2),
        'coverage.free_m2': _number(found.free_m2),
        'coverage.frontier_m': _number(found.frontier_m),
        'coverage.frontiers': str(found.num_frontiers),
        'coverage.closed': _number(found.closed),
    }


def _scale_values(state: ScaleState | None) -> dict[str, str]:
    if state is None:
        return {'is_metric': 'false'}
    return {
        'is_metric': _truth(state.is_metric),
        'scale_source': state.source,
        'metres_per_unit': _number(state.meters_per_unit),
        'metres_per_unit_log_sigma': _number(state.log_sigma),
        'scale_rejected': str(state.num_rejected),
    }


def _truth(value: bool) -> str:
    return 'true' if value else 'false'


_HARMLESS_DROPS = frozenset({'not_keyframe', 'reset', 'paused', 'inactive'})


def _number(value: float) -> str:
    return f'{value:.6g}'
