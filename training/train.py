"""`python -m training.train`: trains a preset on procedural places."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from importlib.util import find_spec
import logging
import math
from pathlib import Path
import signal
import sys
import time
from types import FrameType

import numpy as np
import torch

from training.curriculum import CURRICULUM, Stage, stage_at
from training.initial_weights import fill_for_training
from training.learner import Learner, total_loss
from training.photo_atlas import default_cache, load_atlas, PhotoAtlas
from training.schedule import clip_gradients, learning_rate, make_average, make_optimizer
from training.training_log import draw_curves, TrainingLog
from training.training_state import Clock, load_state, save_state
from training.validation import validate
from training.validation_sets import validation_sets, Windows
from training.window_sampler import WindowSampler
from vggt_ros.errors import VggtRosError
from vggt_ros.inference.checkpoint import load_network
from vggt_ros.inference.device import resolve_device
from vggt_ros.inference.presets import PRESETS
from vggt_ros.inference.weights_file import save_network
from vggt_ros.model.vggt import VGGT

_LOG_EVERY_S = 30.0
_SAVE_EVERY_S = 200.0
_MAX_STEP_S = 20.0  # a step that took longer was suspended for a while
_ACCELERATOR_BATCH = 8  # a GPU takes that many times the frames of a CPU in about the same time
_log = logging.getLogger('training')


class Training:
    """A training that can be stopped at any moment and goes on from its own state."""

    def __init__(
        self,
        learner: Learner,
        output: Path,
        device: torch.device,
        seed: int,
        pictures: PhotoAtlas,
        validation: Mapping[str, Windows],
    ) -> None:
        """Prepare; nothing is learnt yet.

        Args:
            learner: On the CPU.
            output: Folder of the state, the log, the curves and the weights.
            device: Where to train.
            seed: Decides what is drawn, together with the number of the piece.
            pictures: What surfaces are covered with, on the device.
            validation: Windows to look at whenever the state is saved, by the name of the set.
        """
        self.learner = learner.to(device).train()
        self.averaged = make_average(self.learner)
        self.optimizer = make_optimizer(self.learner)
        self.clock = Clock()
        self._device = device
        self._seed = seed
        self._pictures = pictures
        self._validation = validation
        self._output = output
        self._log = TrainingLog(output / 'log.jsonl')
        self._batch = _ACCELERATOR_BATCH if device.type == 'cuda' else 1
        self._is_stopped = False

    @property
    def state_path(self) -> Path:
        """Where the state is kept."""
        return self._output / 'state.pt'

    @property
    def best(self) -> Learner:
        """The moving average of the weights."""
        averaged = self.averaged.module
        assert isinstance(averaged, Learner)
        return averaged

    def resume(self) -> None:
        """Go on from the state; see `load_state`."""
        self.clock = load_state(self.state_path, self.learner, self.averaged, self.optimizer)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Stop after the current step; a signal handler."""
        self._is_stopped = True

    def run(self, minutes: float) -> None:
        """Train until the training, earlier pieces included, has lasted that long.

        Args:
            minutes: Of training, without the time for saving and looking.
        """
        piece = self.clock.num_pieces
        self.clock.num_pieces += 1
        draws = np.random.default_rng([self._seed, piece])
        choices = torch.Generator().manual_seed(int(draws.integers(2**31)))
        sampler = WindowSampler(draws, self._device, self._pictures)
        sums: dict[str, list[float]] = defaultdict(list)
        logged_s = saved_s = self.clock.trained_s
        while self.clock.trained_s < 60 * minutes and not self._is_stopped:
            began_s = self._now_s()
            progress = self.clock.trained_s / (60 * minutes)
            stage = CURRICULUM[-1] if self.clock.is_from_trained else stage_at(progress)
            for name, value in self._step(sampler, stage, draws, choices, progress).items():
                sums[name].append(value)
            self.clock.trained_s += min(self._now_s() - began_s, _MAX_STEP_S)
            if self.clock.trained_s - logged_s > _LOG_EVERY_S:
                self._write(sums, progress, minutes)
                sums.clear()
                logged_s = self.clock.trained_s
            if self.clock.trained_s - saved_s > _SAVE_EVERY_S:
                self._look()
                self.save()
                saved_s = self.clock.trained_s
        self._look()
        self.save()

    def save(self) -> None:
        """Write the state, the weights as they would be shipped, and the curves."""
        save_state(self.state_path, self.learner, self.averaged, self.optimizer, self.clock)
        save_network(self.best.network, self._output / 'weights.safetensors', dtype=torch.float16)
        if find_spec('matplotlib') is not None:  # not every machine that trains draws
            draw_curves(self._log.read(), self._output / 'curves.png')

    def _now_s(self) -> float:
        # On a shared machine a background training may hardly get a turn: what it got counts.
        is_cpu = self._device.type == 'cpu'
        return time.thread_time() if is_cpu else time.monotonic()

    def _step(
        self,
        sampler: WindowSampler,
        stage: Stage,
        draws: np.random.Generator,
        choices: torch.Generator,
        progress: float,
    ) -> dict[str, float]:
        num_frames = int(draws.integers(stage.num_frames[0], stage.num_frames[1] + 1))
        num_windows = max(1, self._batch * stage.frames_per_step // num_frames)
        window = sampler.draw(num_windows, num_frames, stage.image_size)
        with_tracks = window.images.shape[1] > 1 and draws.uniform() < stage.track_share
        rate = learning_rate(
            progress, self.clock.num_steps, is_from_trained=self.clock.is_from_trained
        )
        for group in self.optimizer.param_groups:
            group['lr'] = rate * group['rate']
        is_cuda = self._device.type == 'cuda'
        with torch.autocast(self._device.type, torch.bfloat16, enabled=is_cuda):
            losses = self.learner.losses(window, stage, choices, with_tracks=with_tracks)
        # Trained weights look at other frames already.
        total = total_loss(losses, 1.0 if self.clock.is_from_trained else progress)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        norm = clip_gradients(self.learner)
        if math.isfinite(norm):
            self.optimizer.step()
            self.averaged.update_parameters(self.learner)
        self.clock.num_steps += 1
        self.clock.num_frames += window.images.shape[0] * window.images.shape[1]
        return {'gradient': norm} | {name: float(loss.detach()) for name, loss in losses.items()}

    def _write(self, sums: dict[str, list[float]], progress: float, minutes: float) -> None:
        means = {name: float(np.nanmean(values)) for name, values in sums.items()}
        self._log.write(
            {
                'trained_s': round(self.clock.trained_s, 1),
                'num_steps': self.clock.num_steps,
                'num_frames': self.clock.num_frames,
                **{name: round(value, 5) for name, value in means.items()},
            }
        )
        left_min = minutes - self.clock.trained_s / 60
        told = '  '.join(f'{name} {value:.3f}' for name, value in sorted(means.items()))
        _log.info(
            '%5.1f %%, %.0f min left, step %d, %d frames: %s',
            100 * progress,
            left_min,
            self.clock.num_steps,
            self.clock.num_frames,
            told,
        )

    def _look(self) -> None:
        errors = {
            f'{name}_{kind}': value
            for name, windows in self._validation.items()
            for kind, value in validate(self.best.network, windows, self._device).items()
        }
        self._log.write(
            {'trained_s': round(self.clock.trained_s, 1), 'num_steps': self.clock.num_steps}
            | {f'val_{name}': round(value, 5) for name, value in errors.items()}
        )
        told = '  '.join(
            f'{name} {value:.3f}'
            for name, value in errors.items()
            if name.endswith(('pose_auc_30', 'abs_rel'))
        )
        _log.info('validation after %d steps: %s', self.clock.num_steps, told)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog='python -m training.train', description=__doc__)
    parser.add_argument('--preset', default='nano', choices=['nano'])
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument(
        '--minutes', type=float, required=True, help='of training, earlier pieces included'
    )
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--threads', type=int, help='CPU threads; default: all cores')
    parser.add_argument(
        '--photos', type=Path, default=default_cache(), help='what collect_photos filled'
    )
    parser.add_argument(
        '--validate-real', type=Path, help='folder of folders of real images with truth'
    )
    parser.add_argument('--output', type=Path, default=Path('training_output/nano'))
    how = parser.add_mutually_exclusive_group()
    how.add_argument('--resume', action='store_true', help='go on from the state in the output')
    how.add_argument(
        '--start',
        metavar='CHECKPOINT',
        help='begin with these weights instead of new ones, at the last stage',
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line says; 0 if it went well."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s', datefmt='%H:%M:%S')
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        if options.start:
            network, _ = load_network(options.start)
            network = deepcopy(network).requires_grad_(True)
        else:
            network = VGGT(PRESETS[options.preset].network)
            fill_for_training(network)
        device = resolve_device(options.device)
        training = Training(
            Learner(network),
            options.output,
            device,
            options.seed,
            load_atlas(options.photos, device),
            validation_sets(
                CURRICULUM[-1].image_size, photos=options.photos, real=options.validate_real
            ),
        )
        training.clock.is_from_trained = bool(options.start)
        if options.resume:
            training.resume()
    except VggtRosError as error:
        _log.error('%s', error)
        return 2
    signal.signal(signal.SIGTERM, training.stop)
    signal.signal(signal.SIGINT, training.stop)
    training.run(options.minutes)
    return 0


if __name__ == '__main__':
    sys.exit(main())
