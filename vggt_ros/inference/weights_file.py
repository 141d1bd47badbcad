"""Weights on disk: .safetensors and .pt files, read without running what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
import json
from pathlib import Path
import pickle
from typing import Any, get_type_hints
import zipfile

from safetensors import safe_open, SafetensorError
from safetensors.torch import save_file
import torch
from torch import Tensor

from vggt_ros.errors import CheckpointCorruptError, CheckpointNotFoundError, ConfigError
from vggt_ros.model.config import NetworkConfig
from vggt_ros.model.vggt import VGGT

PICKLED_SUFFIXES = ('.pt', '.pth', '.bin')
WEIGHTS_SUFFIXES = ('.safetensors', *PICKLED_SUFFIXES)
NETWORK_KEY = 'vggt_ros.network'
TRAINED_KEY = 'vggt_ros.is_trained'
# Names under which training scripts wrap the weights.
_WRAPPERS = ('model', 'state_dict')
_LFS_POINTER = b'version https://git-lfs'
# What torch.load raises for bytes that are no checkpoint depends on where they go wrong.
_PARSE_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OSError,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightsFile:
    """What a file says.

    Attributes:
        weights: Tensors by name, on the CPU, mapped from the file where the format allows.
        network: What the weights are for, None if the file does not say.
        is_trained: False if the file says that the weights were never trained.
    """

    weights: Mapping[str, Tensor]
    network: NetworkConfig | None = None
    is_trained: bool = True


def read_weights(path: Path) -> WeightsFile:
    """Read a weights file; code pickled into it is not run.

    Raises:
        CheckpointNotFoundError: There is no such file, or its name has no known ending.
        CheckpointCorruptError: The file is truncated, is not a weights file, or needs code to
            be run.
    """
    if not path.is_file():
        what = 'is a folder, give the file in it' if path.is_dir() else 'does not exist'
        raise CheckpointNotFoundError(f'the weights file {path} {what}')
    if path.suffix not in WEIGHTS_SUFFIXES:
        raise CheckpointNotFoundError(
            f'{path} is not a weights file: the name must end with {", ".join(WEIGHTS_SUFFIXES)}'
        )
    with path.open('rb') as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise CheckpointCorruptError(
                f'{path} is only a git-lfs pointer to the weights; run `git lfs pull` beside it'
            )
    return _read_pickled(path) if path.suffix in PICKLED_SUFFIXES else _read_safetensors(path)


def save_network(
    network: VGGT, path: Path, *, dtype: torch.dtype = torch.float32, is_trained: bool = True
) -> None:
    """Write a network's weights and its configuration into one .safetensors file.

    Args:
        network: On any device.
        path: Where to write; an existing file is replaced.
        dtype: Precision on disk; float16 halves the file, reading makes it float32 again.
        is_trained: False marks weights whose answers mean nothing.
    """
    weights = {
        name: tensor.detach().to('cpu', dtype).contiguous()
        for name, tensor in network.state_dict().items()
    }
    metadata = {
        NETWORK_KEY: json.dumps(asdict(network.config)),
        TRAINED_KEY: json.dumps(is_trained),
    }
    # The library makes files that only their owner may read; weights are for everybody.
    path.touch()
    mode = path.stat().st_mode
    save_file(weights, path, metadata=metadata)
    path.chmod(mode)


def _read_safetensors(path: Path) -> WeightsFile:
    try:
        with safe_open(path, framework='pt', device='cpu') as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _corrupt(path, error) from error
    try:
        network = (
            _dataclass_from(NetworkConfig, json.loads(metadata[NETWORK_KEY]))
            if NETWORK_KEY in metadata
            else None
        )
        is_trained = json.loads(metadata.get(TRAINED_KEY, 'true')) is not False
    except (ValueError, TypeError, ConfigError) as error:
        raise CheckpointCorruptError(
            f'{path} describes its network in a way this version of vggt_ros does not '
            f'understand ({error}); use the version that wrote it, or write it again'
        ) from error
    return WeightsFile(weights=weights, network=network, is_trained=is_trained)


def _read_pickled(path: Path) -> WeightsFile:
    try:
        content = torch.load(
            path,
            map_location='cpu',
            weights_only=True,
            mmap=zipfile.is_zipfile(path),  # files from before PyTorch 1.6 can not be mapped
        )
    except _PARSE_ERRORS as error:
        raise _corrupt(path, error) from error
    for name in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointCorruptError(
            f'{path} holds {type(content).__name__}, not named tensors; save a state_dict'
        )
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointCorruptError(
                f'{path} holds {type(value).__name__} under {name!r}, not a tensor; save a '
                f'state_dict, alone or under {" or ".join(_WRAPPERS)}'
            )
    return WeightsFile(weights=dict(content))


def _corrupt(path: Path, error: Exception) -> CheckpointCorruptError:
    first_line = str(error).strip().split('\n', 1)[0] or type(error).__name__
    return CheckpointCorruptError(
        f'{path} ({path.stat().st_size} bytes) is truncated or is not a weights file '
        f'({first_line}); download it again, or convert it to .safetensors'
    )


def _dataclass_from(kind: type[Any], values: Any) -> Any:
    """Build a settings dataclass from what `asdict` and JSON made of it; nothing may be left."""
    if not isinstance(values, dict):
        raise TypeError(f'{kind.__name__} is {type(values).__name__}')
    hints = get_type_hints(kind)
    unknown = sorted(set(values) - {item.name for item in fields(kind)})
    if unknown:
        raise ValueError(f'{kind.__name__} has no {", ".join(unknown)}')
    arguments = {}
    for name, value in values.items():
        if is_dataclass(hints[name]):
            arguments[name] = _dataclass_from(hints[name], value)
        else:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    return kind(**arguments)
