"""Benchmark list: recordings and variants of settings, read from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vggt_ros.errors import ConfigError
from vggt_ros.offline.published_number import published_numbers, PublishedNumber
from vggt_ros.settings.config import VggtConfig
from vggt_ros.settings.parameter_tree import values_of, with_values

# Words of a sequence, and the arguments of `open_sequence` that they are.
_NUMBER = (int, float)
_OPENING: dict[str, tuple[str, tuple[type, ...]]] = {
    'format': ('layout', (str,)),
    'rate': ('rate_hz', _NUMBER),
    'camera': ('camera', (int,)),
    'topics': ('topics', (str, list)),
    'depth_topic': ('depth_topic', (str,)),
    'odometry_topic': ('odometry_topic', (str,)),
    'truth_topic': ('truth_topic', (str,)),
    'gnss_topic': ('gnss_topic', (str,)),
    'calibration': ('calibration', (str,)),
    'start': ('start_s', _NUMBER),
    'stop': ('stop_s', _NUMBER),
    'every': ('every', (int,)),
    'fps': ('fps', _NUMBER),
    'max_frames': ('max_frames', (int,)),
}
_OTHERS = ('path', 'name', 'checkpoint', 'use_depth', 'settings', 'seeds', 'published')


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRun:
    """One recording with one variant of the settings.

    Attributes:
        name: Of the recording.
        variant: Of the settings; empty if there is one.
        path: Where the recording is.
        opening: Arguments of `open_sequence`.
        uses_depth: See `recorded_priors`.
        config: The settings.
        seed: Frames that are left out at the beginning, so that keyframes and windows fall
            elsewhere: all else is the same in every run. None if there is one run.
        published: What others report for the recording.
    """

    name: str
    variant: str
    path: Path
    opening: Mapping[str, Any] = field(default_factory=dict)
    uses_depth: bool | None = None
    config: VggtConfig
    seed: int | None = None
    published: tuple[PublishedNumber, ...] = ()

    @property
    def folder(self) -> str:
        """Name for its files."""
        seed = '' if self.seed is None else f'seed{self.seed}'
        return '-'.join(word for word in (self.name, self.variant, seed) if word)


def read_benchmark_list(path: Path, config: VggtConfig) -> list[BenchmarkRun]:
    """Read what is to be run.

    Args:
        path: A YAML file with `sequences`, and maybe `defaults` and `variants`; paths in it are
            relative to its folder.
        config: Settings that are not in it.

    Raises:
        ConfigError: It cannot be read, a word is unknown, or a value is out of range.
    """
    told = _mapping(_parsed(path), f'{path}')
    _refuse_unknown(told, ('sequences', 'defaults', 'variants'), f'{path}')
    sequences = told.get('sequences')
    if not isinstance(sequences, list) or not sequences:
        raise ConfigError(f'{path} has no list `sequences`; give at least one, with its `path`')
    defaults = _mapping(told.get('defaults') or {}, 'defaults')
    variants = _mapping(told.get('variants') or {'': {}}, 'variants')
    runs = []
    for number, each in enumerate(sequences):
        where = f'sequence {number + 1} of {path}'
        words = dict(defaults) | dict(_mapping(each, where))
        settings = _mapping(defaults.get('settings') or {}, f'settings of {path}') | _mapping(
            words.get('settings') or {}, f'settings of {where}'
        )
        for variant, changes in variants.items():
            values = settings | _mapping(changes or {}, f'variant {variant}')
            run = _run(path.parent, words, values, str(variant), config, where)
            seeds = _seeds(words, where)
            runs += [run] if seeds == 1 else [_seeded(run, seed) for seed in range(seeds)]
    _refuse_double(runs, path)
    return runs


def _run(
    folder: Path,
    words: Mapping[str, Any],
    values: Mapping[str, Any],
    variant: str,
    config: VggtConfig,
    where: str,
) -> BenchmarkRun:
    _refuse_unknown(words, (*_OTHERS, *_OPENING), where)
    if not isinstance(words.get('path'), str):
        raise ConfigError(f'{where} has no `path`')
    path = folder / Path(words['path']).expanduser()
    opening = _opening(words, where)
    if 'calibration' in opening:
        opening['calibration'] = folder / Path(opening['calibration']).expanduser()
    if 'checkpoint' in words:
        values = {'model.checkpoint': words['checkpoint'], **values}
    return BenchmarkRun(
        name=str(words.get('name') or path.stem),
        variant=variant,
        path=path,
        opening=opening,
        uses_depth=words.get('use_depth'),
        config=with_values(config, _as_settings(values, config)),
        published=published_numbers(words.get('published'), where),
    )


def _seeds(words: Mapping[str, Any], where: str) -> int:
    seeds = words.get('seeds', 1)
    if type(seeds) is not int or seeds < 1:
        raise ConfigError(f'seeds of {where} must be a number of runs, 1 or more; got {seeds!r}')
    return seeds


def _seeded(run: BenchmarkRun, seed: int) -> BenchmarkRun:
    return replace(run, seed=seed, opening={**run.opening, 'skip_frames': seed})


def _opening(words: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the arguments of `open_sequence`."""
    found: dict[str, Any] = {}
    for name, (argument, types) in _OPENING.items():
        value = words.get(name)
        if value is None:
            continue
        if type(value) not in types:
            expected = ' or '.join(each.__name__ for each in types)
            raise ConfigError(f'{name} of {where} must be of type {expected}; got {value!r}')
        found[argument] = value
    if 'topics' in found:
        topics = found['topics']
        found['topics'] = tuple(topics.split(',') if isinstance(topics, str) else map(str, topics))
    return found


def _as_settings(values: Mapping[str, Any], config: VggtConfig) -> dict[str, Any]:
    """Return values as the settings have them: in YAML `off` is a truth value, and 1 no float."""
    kinds = {name: type(value) for name, value in values_of(config).items()}
    found = {}
    for name, value in values.items():
        kind = kinds.get(str(name))
        if kind is str and isinstance(value, bool):
            value = 'on' if value else 'off'
        elif kind is float and type(value) is int:
            value = float(value)
        found[str(name)] = value
    return found


def _parsed(path: Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            "a list is read with PyYAML, which is not there: pip install 'vggt_ros[offline]'"
        ) from error
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'the list {path} cannot be read: {error}') from error


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f'{where} must have names with values; got {value!r}')
    return value


def _refuse_unknown(words: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = sorted(str(word) for word in words if word not in known)
    if unknown:
        raise ConfigError(f'{where} has {", ".join(unknown)}; known are {", ".join(known)}')


def _refuse_double(runs: list[BenchmarkRun], path: Path) -> None:
    names = [run.folder for run in runs]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigError(f'{path} has {", ".join(double)} twice; give each sequence a `name`')
    wrong = [name for name in names if '/' in name or name.startswith('.')]
    if wrong:
        raise ConfigError(f'{path} has the name {wrong[0]!r}; names become those of folders')
