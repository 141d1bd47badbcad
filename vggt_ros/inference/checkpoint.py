"""Checkpoint loading: the name of a checkpoint becomes a network with its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
import re

import torch
from torch import Tensor

from vggt_ros.errors import (
    CheckpointCorruptError,
    CheckpointKeysError,
    CheckpointNotFoundError,
)
from vggt_ros.inference.presets import Preset, PRESETS, VGGT_1B
from vggt_ros.inference.weights_file import (
    check_sha256,
    read_weights,
    shown,
    WEIGHTS_SUFFIXES,
)
from vggt_ros.model.config import NetworkConfig
from vggt_ros.model.vggt import VGGT

UNTRAINED_NOTICE = (
    'this network has not been trained: its depth, poses and tracks show that data flows, '
    'their geometry means nothing yet'
)
_HUB_ID = re.compile(r'[\w.-]+/[\w.-]+')
_HUB_FILENAMES = ('model.safetensors', 'model.pt')
_NUM_NAMED = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a network's weights came from and what is to be known about them.

    Attributes:
        name: As it was asked for: a preset, a hub id or a path.
        path: The file; None for weights that were never in one.
        network: What was built.
        num_parameters: Of the whole network.
        is_trained: False if the answers mean nothing.
        notice: License or warning for the user, may be empty.
        license: SPDX identifier of the license of the weights; empty if it has none, or is not
            known.
    """

    name: str
    path: Path | None
    network: NetworkConfig
    num_parameters: int
    is_trained: bool
    notice: str
    license: str = ''


def load_network(
    checkpoint: str,
    *,
    offline: bool = False,
    revision: str = '',
    sha256: str = '',
    hub_timeout_s: float = 60.0,
) -> tuple[VGGT, Checkpoint]:
    """Return a network with its weights, on the CPU in float32, in evaluation mode.

    Args:
        checkpoint: `nano`, the id of a hub repository, or the path of a .safetensors, .pt or
            .pth file. A file is taken for VGGT-1B unless its metadata describe its network.
        offline: Do not ask the hub, use its cache only.
        revision: Commit, tag or branch of the hub repository; empty for the newest.
        sha256: What the file must be, in hexadecimal digits; empty if it may be any.
        hub_timeout_s: Give up when nothing came from the hub for so long; 0 never.

    Raises:
        CheckpointNotFoundError: There is no such preset, file or repository.
        CheckpointUnreachableError: The hub cannot be reached and the file is not in its cache.
        CheckpointGatedError: The hub wants a license to be accepted, or a token.
        CheckpointCorruptError: The file is truncated, is not a weights file, is not the one that
            `sha256` tells, or has weights that are not finite.
        CheckpointKeysError: Names or shapes in the file are not those of the network.
    """
    preset, path = locate(
        checkpoint, offline=offline, revision=revision, hub_timeout_s=hub_timeout_s
    )
    _log.info('reading weights from %s', path)
    if sha256:
        check_sha256(path, sha256)
    file = read_weights(path)
    network = _built(file.network or preset.network, path)
    weights = _checked(network.state_dict(), file.weights, path)
    network.load_state_dict(weights, strict=True, assign=True)
    return network.requires_grad_(False).eval(), Checkpoint(
        name=checkpoint,
        path=path,
        network=network.config,
        num_parameters=sum(parameter.numel() for parameter in network.parameters()),
        is_trained=file.is_trained,
        notice=preset.notice if file.is_trained else UNTRAINED_NOTICE,
        license=preset.license,
    )


def _built(config: NetworkConfig, path: Path) -> VGGT:
    try:
        # Nothing is allocated for parameters that are replaced right away.
        with torch.device('meta'):
            return VGGT(config)
    except (RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise CheckpointCorruptError(
            f'{shown(path)} describes a network that cannot be built ({shown(str(error))})'
        ) from error


def locate(
    checkpoint: str, *, offline: bool, revision: str = '', hub_timeout_s: float = 60.0
) -> tuple[Preset, Path]:
    """Return what is known about a checkpoint, and its file; arguments as for `load_network`."""

    def fetch(repo_id: str, filenames: Sequence[str]) -> Path:
        # The hub's client is loaded only where it is asked: not every machine has it.
        from vggt_ros.inference.hub import fetch_weights

        return fetch_weights(
            repo_id, filenames, offline=offline, revision=revision, timeout_s=hub_timeout_s
        )

    preset = PRESETS.get(checkpoint)
    if preset is not None:
        if preset.weights is not None:
            return preset, preset.weights
        return preset, fetch(preset.name, preset.filenames)
    try:
        path = Path(checkpoint).expanduser()
        is_path = path.suffix in WEIGHTS_SUFFIXES or checkpoint.startswith(('/', '.', '~'))
        is_path = is_path or (bool(checkpoint) and path.exists())
    except (OSError, ValueError, RuntimeError) as error:  # too long, with a 0 in it, no such home
        raise CheckpointNotFoundError(
            f'{shown(checkpoint)} is not the name of a file ({type(error).__name__})'
        ) from error
    if is_path:
        return _preset_of_file(path), path
    if not _HUB_ID.fullmatch(checkpoint):
        raise CheckpointNotFoundError(
            f'there is no checkpoint {shown(repr(checkpoint))}; give {", ".join(PRESETS)}, '
            f'another hub id (owner/name), or the path of a file that ends with '
            f'{", ".join(WEIGHTS_SUFFIXES)}'
        )
    preset = Preset(name=checkpoint, network=VGGT_1B, filenames=_HUB_FILENAMES)
    return preset, fetch(checkpoint, preset.filenames)


def _preset_of_file(path: Path) -> Preset:
    # The released files whose names belong to one repository only keep what is known of it.
    for preset in PRESETS.values():
        if path.name in set(preset.filenames) - set(_HUB_FILENAMES):
            return preset
    return Preset(name=str(path), network=VGGT_1B)


def _checked(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Return the weights in float32 if they are exactly what the network has."""
    wrong = [
        f'{name} {_form(found[name])} instead of {_form(expected[name])}'
        for name in expected
        if name in found
        and (found[name].shape != expected[name].shape or not found[name].is_floating_point())
    ]
    complaints = (
        ('missing', [name for name in expected if name not in found]),
        ('unexpected', [name for name in found if name not in expected]),
        ('of another shape or type', wrong),
    )
    if any(names for _, names in complaints):
        counts = '; '.join(
            f'{len(names)} {what}: {_first_few(names)}' for what, names in complaints if names
        )
        raise CheckpointKeysError(
            f'{shown(path)} does not fit the network ({counts}); give weights of VGGT-1B, or a '
            f'file written by vggt_ros, which says what network it is for'
        )
    return {name: found[name].to(torch.float32) for name in expected}


def _form(tensor: Tensor) -> str:
    kind = '' if tensor.is_floating_point() else f' {tensor.dtype}'
    return f'{tuple(tensor.shape)}{kind}'


def _first_few(names: Iterable[str]) -> str:
    names = list(names)
    first = ', '.join(shown(name) for name in names[:_NUM_NAMED])
    return first if len(names) <= _NUM_NAMED else f'{first}, ...'
