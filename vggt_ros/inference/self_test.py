"""One stored window with the numbers it must give: is this device, driver and PyTorch right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Float, UInt8
import numpy as np

from vggt_ros.geometry.rotation import rotation_angle
from vggt_ros.inference.prediction import Prediction
from vggt_ros.inference.predictor import Predictor
from vggt_ros.settings.config import ModelSettings

STORED = Path(__file__).parent / 'weights' / 'self_test.npz'
# Every so many pixels of the depth are stored.
_STEP = 6
# Errors that a precision may have, beside a margin: depth (relative, median and largest),
# rotation in degrees, translation relative to the path, focal length relative.
_BOUNDS = {
    'fp32': (1e-3, 1e-2, 0.05, 1e-2, 1e-3),
    'bf16': (2e-2, 2e-1, 0.5, 1e-1, 2e-2),
    'fp16': (1e-2, 1e-1, 0.3, 5e-2, 1e-2),
}
_NAMES = ('depth_median', 'depth_largest', 'rotation_deg', 'translation', 'focal')


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """What a device makes of the stored window.

    Attributes:
        device: Where it ran.
        precision: In which arithmetic.
        errors: By name: `depth_median` and `depth_largest` (relative), `rotation_deg`,
            `translation` (relative to the path of the cameras) and `focal` (relative).
        bounds: What each may be.
    """

    device: str
    precision: str
    errors: dict[str, float]
    bounds: dict[str, float]

    @property
    def wrong(self) -> list[str]:
        """Names of the errors that are too large, or not a number."""
        return [name for name, bound in self.bounds.items() if not self.errors[name] <= bound]


def run_self_test(settings: ModelSettings) -> SelfTest:
    """Run `nano` on the stored window, as the settings say, and compare.

    Args:
        settings: Device, precision, compilation; the checkpoint is nano whatever they say.

    Raises:
        DeviceError: The device or the precision is not available.
    """
    with np.load(STORED, allow_pickle=False) as stored:
        images = list(stored['images'])
        expected = {name: stored[name] for name in ('depth', 'cam_from_world', 'K_model')}
    predictor = Predictor.load(replace(settings, checkpoint='nano', image_size=0))
    try:
        found = predictor.predict(images)
        description = predictor.description
    finally:
        predictor.close()
    return SelfTest(
        device=description.device,
        precision=description.precision,
        errors=_errors(found, expected),
        bounds=dict(zip(_NAMES, _BOUNDS[description.precision], strict=True)),
    )


def record(images: Sequence[UInt8[np.ndarray, 'H W 3']], path: Path = STORED) -> None:
    """Store a window with what the CPU makes of it in float32.

    Args:
        images: Of one walk, small.
        path: An .npz file.
    """
    predictor = Predictor.load(ModelSettings(checkpoint='nano', device='cpu', precision='fp32'))
    found = predictor.predict(list(images))
    np.savez_compressed(
        path,
        images=np.stack(images),
        depth=found.depth[:, ::_STEP, ::_STEP],
        cam_from_world=found.cam_from_world,
        K_model=found.K_model,
    )


def _errors(found: Prediction, expected: dict[str, np.ndarray]) -> dict[str, float]:
    focal = np.abs(found.K_model[:, 0, 0] / expected['K_model'][:, 0, 0] - 1.0)
    return {
        **answer_errors(
            found.depth[:, ::_STEP, ::_STEP],
            expected['depth'],
            found.cam_from_world,
            expected['cam_from_world'],
        ),
        'focal': float(focal.max()),
    }


def answer_errors(
    depth: Float[np.ndarray, 'S H W'],
    expected_depth: Float[np.ndarray, 'S H W'],
    cam_from_world: Float[np.ndarray, 'S 4 4'],
    expected_cam_from_world: Float[np.ndarray, 'S 4 4'],
) -> dict[str, float]:
    """Return how far two answers to one window are apart, of which one is taken for right.

    Returns:
        `depth_median` and `depth_largest`, relative; `rotation_deg`, the largest; `translation`,
        the largest, relative to the path of the cameras.
    """
    off = np.abs(depth / expected_depth - 1.0)
    turns = cam_from_world[:, :3, :3].swapaxes(1, 2) @ expected_cam_from_world[:, :3, :3]
    shifts = np.linalg.norm(cam_from_world[:, :3, 3] - expected_cam_from_world[:, :3, 3], axis=1)
    way = np.linalg.norm(expected_cam_from_world[:, :3, 3], axis=1).max()
    return {
        'depth_median': float(np.median(off)),
        'depth_largest': float(off.max()),
        'rotation_deg': float(np.degrees(rotation_angle(turns.astype(np.float64)).max())),
        'translation': float(shifts.max() / way),
    }
