"""`python -m training.validation_table`: errors of checkpoints on all validation sets, a table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import logging
from pathlib import Path
import sys

import torch

from training.curriculum import CURRICULUM
from training.photo_atlas import default_cache
from training.validation import validate
from training.validation_sets import NUM_WINDOWS, validation_sets
from vggt_ros.errors import VggtRosError
from vggt_ros.inference.checkpoint import load_network
from vggt_ros.inference.device import resolve_device

_COLUMNS = (
    'rotation_deg', 'direction_deg', 'pose_auc_30', 'focal_error', 'depth_abs_rel',
    'depth_delta_125',
)  # fmt: skip
_log = logging.getLogger('training')


def table(errors: Mapping[tuple[str, str], Mapping[str, float]]) -> str:
    """Return a Markdown table with a line for each set and checkpoint.

    Args:
        errors: What `validate` returned by the names of the set and of the checkpoint.
    """
    lines = [
        '| set | checkpoint | ' + ' | '.join(_COLUMNS) + ' |',
        '|---|---|' + '---|' * len(_COLUMNS),
    ]
    for (name, checkpoint), values in errors.items():
        cells = [f'{values[c]:.3f}' if c in values else '-' for c in _COLUMNS]
        lines.append(f'| {name} | {checkpoint} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.validation_table')
    parser.add_argument('checkpoints', nargs='+', metavar='CHECKPOINT')
    parser.add_argument('--photos', type=Path, default=default_cache())
    parser.add_argument('--real', type=Path, help='folder of folders of real images with truth')
    parser.add_argument('--windows', type=int, default=4 * NUM_WINDOWS, help='of rendered sets')
    parser.add_argument('--device', default='auto')
    parser.add_argument('--threads', type=int)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and log the table; 0 if it went well."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        device = resolve_device(options.device)
        sets = validation_sets(
            CURRICULUM[-1].image_size,
            photos=options.photos,
            real=options.real,
            num_windows=options.windows,
        )
        errors = {}
        for checkpoint in options.checkpoints:
            network = load_network(checkpoint)[0].to(device)
            for name, windows in sets.items():
                errors[name, Path(checkpoint).stem] = validate(network, windows, device)
    except VggtRosError as error:
        _log.error('%s', error)
        return 2
    _log.info('%s', table(dict(sorted(errors.items(), key=lambda item: item[0][0]))))
    return 0


if __name__ == '__main__':
    sys.exit(main())
