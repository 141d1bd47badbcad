"""Weights on disk: .safetensors and .pt files, read without running what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import hashlib
import json
from pathlib import Path
import pickle
import zipfile

from safetensors import safe_open, SafetensorError
from safetensors.torch import save_file
import torch
from torch import Tensor

from vggt_ros.errors import CheckpointCorruptError, CheckpointNotFoundError, ConfigError
from vggt_ros.inference.network_bounds import check_bounds, network_from
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
    OverflowError,
    RecursionError,
    MemoryError,
)
# What describes a network has 2,000; JSON of this length is read at once.
_MAX_DESCRIPTION = 64 * 1024
_NUM_NAMED = 3
_MAX_SHOWN = 200
_CHUNK_BYTES = 1 << 22


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
    try:
        if not path.is_file():
            what = 'is a folder, give the file in it' if path.is_dir() else 'does not exist'
            raise CheckpointNotFoundError(f'the weights file {shown(path)} {what}')
    except (OSError, ValueError) as error:
        raise CheckpointNotFoundError(
            f'{shown(path)} is not the name of a file ({type(error).__name__})'
        ) from error
    if path.suffix not in WEIGHTS_SUFFIXES:
        raise CheckpointNotFoundError(
            f'{path} is not a weights file: the name must end with {", ".join(WEIGHTS_SUFFIXES)}'
        )
    with path.open('rb') as file:
        if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
            raise CheckpointCorruptError(
                f'{path} is only a git-lfs pointer to the weights; run `git lfs pull` beside it'
            )
    found = _read_pickled(path) if path.suffix in PICKLED_SUFFIXES else _read_safetensors(path)
    _check_finite(path, found.weights)
    return found


def check_sha256(path: Path, expected: str) -> None:
    """Refuse a file that is another one than the user trusts.

    Args:
        path: The file.
        expected: SHA-256 in hexadecimal digits.

    Raises:
        CheckpointCorruptError: It is another one.
        CheckpointNotFoundError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open('rb') as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (OSError, ValueError) as error:
        raise CheckpointNotFoundError(f'{shown(path)} cannot be read ({error})') from error
    if digest.hexdigest() != expected.strip().lower():
        raise CheckpointCorruptError(
            f'{shown(path)} has the SHA-256 {digest.hexdigest()}, model.sha256 is '
            f'{shown(expected)}: it is another file; download it again, or correct the setting'
        )


def shown(path: Path | str) -> str:
    """Return a name of a file for a message: printable, and not longer than a line or two."""
    text = str(path)
    cut = text if len(text) <= _MAX_SHOWN else f'{text[:_MAX_SHOWN]}...'
    return cut if cut.isprintable() else repr(cut)


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
    except (SafetensorError, *_PARSE_ERRORS) as error:
        raise _corrupt(path, error) from error
    try:
        network = (
            network_from(_described(metadata[NETWORK_KEY])) if NETWORK_KEY in metadata else None
        )
        if network is not None:
            check_bounds(network, weights)
        is_trained = _described(metadata.get(TRAINED_KEY, 'true')) is not False
    except (ConfigError, *_PARSE_ERRORS) as error:
        raise CheckpointCorruptError(
            f'{shown(path)} describes its network in a way this version of vggt_ros does not '
            f'understand ({_first_line(error)}); use the version that wrote it, or write it again'
        ) from error
    return WeightsFile(weights=weights, network=network, is_trained=is_trained)


def _described(text: str) -> object:
    if len(text) > _MAX_DESCRIPTION:
        raise ValueError(f'{len(text)} characters, at most {_MAX_DESCRIPTION} are read')
    return json.loads(text)


def _check_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that make every answer NaN: the images would be blamed for it."""
    # A sum is finite if all are, or nearly so: the rest is looked at one by one.
    suspects = [
        name
        for name, value in weights.items()
        if value.is_floating_point() and not torch.isfinite(value.float().sum())
    ]
    bad = [name for name in suspects if not bool(torch.isfinite(weights[name]).all())]
    if bad:
        names = ', '.join(shown(name) for name in bad[:_NUM_NAMED])
        raise CheckpointCorruptError(
            f'{shown(path)} has weights that are not finite (NaN or infinite) in {len(bad)} of '
            f'{len(weights)} tensors: {names}{", ..." if len(bad) > _NUM_NAMED else ""}; '
            f'download it again, or take a checkpoint from before the training diverged'
        )


def _first_line(error: BaseException) -> str:
    return shown(str(error).strip().split('\n', 1)[0] or type(error).__name__)


def _read_pickled(path: Path) -> WeightsFile:
    try:
        content = torch.load(
            path,
            map_location='cpu',
            weights_only=True,
            mmap=zipfile.is_zipfile(path),  # files from before PyTorch 1.6 cannot be mapped
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
                f'{path} holds {type(value).__name__} under {shown(repr(name))}, not a tensor; '
                f'save a state_dict, alone or under {" or ".join(_WRAPPERS)}'
            )
    return WeightsFile(weights=dict(content))


def _corrupt(path: Path, error: Exception) -> CheckpointCorruptError:
    return CheckpointCorruptError(
        f'{shown(path)} ({path.stat().st_size} bytes) is truncated or is not a weights file '
        f'({_first_line(error)}); download it again, or convert it to .safetensors'
    )
