"""Device and arithmetic of the network: a setting becomes a device and a dtype."""

from __future__ import annotations

import torch

from vggt_ros.errors import DeviceError

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
_BF16_CAPABILITY = 8  # Ampere: the first with bfloat16 units


def resolve_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device that is there.

    Raises:
        DeviceError: The name is unknown or this machine has no such device.
    """
    if name == 'auto':
        return torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
    if name == 'cpu':
        return torch.device('cpu')
    kind, _, number = name.partition(':')
    if kind != 'cuda' or (':' in name and not number.isdecimal()):
        raise DeviceError(f'the device must be auto, cpu, cuda or cuda:N; got {name!r}')
    if not torch.cuda.is_available():
        reason = (
            'this build of PyTorch has no CUDA; install one that has'
            if torch.version.cuda is None
            else 'PyTorch finds no usable NVIDIA GPU; check that nvidia-smi lists one'
        )
        raise DeviceError(f'device {name} is not available: {reason}, or use device cpu or auto')
    index, count = int(number or 0), torch.cuda.device_count()
    if index >= count:
        raise DeviceError(
            f'device {name} is not available: this machine has cuda:0 to cuda:{count - 1}'
        )
    return torch.device('cuda', index)


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """Turn `auto`, `bf16`, `fp16` or `fp32` into the dtype of the backbone's products.

    `auto` is float32 on the CPU; on CUDA bfloat16 where the GPU has units for it (compute
    capability 8.0 and more), else float16.

    Raises:
        DeviceError: The name is unknown or the device has no fast arithmetic of that kind.
    """
    if name != 'auto' and name not in PRECISIONS:
        raise DeviceError(f'the precision must be auto, {", ".join(PRECISIONS)}; got {name!r}')
    if device.type == 'cpu':
        if name == 'fp16':
            raise DeviceError('precision fp16 needs a GPU; use fp32, bf16 or auto on the CPU')
        return PRECISIONS['fp32' if name == 'auto' else name]
    major, minor = torch.cuda.get_device_capability(device)
    has_bf16 = major >= _BF16_CAPABILITY
    if name == 'bf16' and not has_bf16:
        raise DeviceError(
            f'precision bf16 needs compute capability {_BF16_CAPABILITY}.0; {device} has '
            f'{major}.{minor}; use fp16 or auto'
        )
    if name == 'auto':
        return PRECISIONS['bf16' if has_bf16 else 'fp16']
    return PRECISIONS[name]


def precision_name(dtype: torch.dtype) -> str:
    """Return the setting's name of a dtype that `resolve_precision` returned."""
    return next(name for name, known in PRECISIONS.items() if known == dtype)


def device_name(device: torch.device) -> str:
    """Return a device for people: `cpu`, or `cuda:N` with the name of the GPU."""
    if device.type == 'cpu':
        return 'cpu'
    return f'{device} ({torch.cuda.get_device_name(device)})'
