"""Images in, cameras, depth, points and tracks out: the network with everything around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
import logging

from jaxtyping import Float32, Shaped
import numpy as np
import torch

from vggt_ros.errors import DeviceError, DeviceMemoryError, PredictionError
from vggt_ros.inference.backbone import Capabilities
from vggt_ros.inference.checkpoint import Checkpoint, load_network
from vggt_ros.inference.compiled_blocks import CompiledBlocks
from vggt_ros.inference.cpu_products import CpuProducts
from vggt_ros.inference.device import (
    device_name,
    precision_name,
    resolve_device,
    resolve_precision,
)
from vggt_ros.inference.image_grid import ImageGrid
from vggt_ros.inference.network_precision import set_precision
from vggt_ros.inference.prediction import Prediction, Request
from vggt_ros.inference.prediction_decoding import prediction_from_outputs
from vggt_ros.inference.predictor_description import PredictorDescription
from vggt_ros.inference.preprocess import plan_grid, resize
from vggt_ros.inference.request_check import (
    check_depth_frames,
    check_heads,
    check_images,
    model_queries,
)
from vggt_ros.inference.token_cache import descriptors, EncodedImage, TokenCache
from vggt_ros.model.vggt import Outputs, VGGT
from vggt_ros.settings.config import ModelSettings

_log = logging.getLogger(__name__)


class Predictor:
    """Runs one network on one device.

    Not thread-safe: one thread at a time may call it.

    Attributes:
        description: What runs where.
        capabilities: What the network can do.
        network_config: What the network is made of.
    """

    def __init__(
        self,
        network: VGGT,
        checkpoint: Checkpoint,
        *,
        device: torch.device,
        precision: torch.dtype,
        dense_precision: torch.dtype = torch.float32,
        compile_blocks: bool = False,
        image_size: int = 0,
        resize_mode: str = 'crop',
        token_cache: int = 32,
    ) -> None:
        """Move the network to its device and run it once if that saves time later.

        Args:
            network: In evaluation mode; it belongs to the predictor from now on.
            checkpoint: Where the weights came from.
            device: Where to run.
            precision: Arithmetic of the backbone; camera head and tracker stay in float32.
            dense_precision: Arithmetic of the depth and the point head but for their last layers.
            compile_blocks: True to compile the transformer blocks.
            image_size: Width of the network's image, pixels; 0 takes the one it was trained with.
            resize_mode: `crop` or `pad`.
            token_cache: Images whose tokens are kept for later windows.

        Raises:
            ConfigError: The image size is not a whole number of patches, the mode is unknown, or
                the network lacks the camera or depth head.
            DeviceError: The device has not enough memory.
        """
        self.network_config = network.config
        check_heads(network)
        self._patch_size = network.config.aggregator.patch_size
        self._image_size = image_size or network.config.aggregator.img_size
        self._resize_mode = resize_mode
        self._device = device
        self._precision = precision
        set_precision(network, precision, dense_precision, device)
        self._network: VGGT | None = network
        self._compiled = CompiledBlocks(network)
        self._products = CpuProducts(device, precision, network.config.aggregator)
        self._cache = TokenCache(token_cache)
        self._is_parked = True
        self.grid(self._image_size, self._image_size)  # refuses bad settings now, not later
        self.description = PredictorDescription(
            checkpoint=checkpoint.name,
            device=device_name(device),
            precision=precision_name(precision),
            num_parameters=checkpoint.num_parameters,
            image_size=self._image_size,
            is_trained=checkpoint.is_trained,
            notice=checkpoint.notice,
        )
        self.capabilities = Capabilities(
            follows_points='track' in network.config.enabled_heads,
            encodes_on_arrival=True,
            license=checkpoint.license,
        )
        self.unpark()
        if compile_blocks:
            self._compiled.warm_up(self._run_once)
        elif device.type == 'cuda':
            self._run_once()  # libraries load and choose their kernels now

    @classmethod
    def load(cls, settings: ModelSettings) -> Predictor:
        """Load the weights that the settings name and move them to the device they name.

        Raises:
            CheckpointError: The weights cannot be had; the subclass says why.
            ConfigError: The image size or the resize mode does not fit the network.
            DeviceError: The device or the precision is not available.
        """
        device = resolve_device(settings.device)
        precision = resolve_precision(settings.precision, device)
        network, checkpoint = load_network(
            settings.checkpoint,
            offline=settings.offline,
            revision=settings.revision,
            sha256=settings.sha256,
            hub_timeout_s=settings.hub_timeout,
        )
        predictor = cls(
            network,
            checkpoint,
            device=device,
            precision=precision,
            dense_precision=resolve_precision(settings.dense_precision, device),
            compile_blocks=settings.compile,
            image_size=settings.image_size,
            resize_mode=settings.resize_mode,
            token_cache=settings.token_cache,
        )
        level = logging.INFO if checkpoint.is_trained else logging.WARNING
        _log.log(level, 'loaded %s', predictor.description)
        return predictor

    def grid(self, width: int, height: int) -> ImageGrid:
        """Return how pixels of a camera's image map to the network's; see `plan_grid`.

        Raises:
            PredictionError: The image is empty or too narrow.
        """
        return plan_grid(width, height, self._image_size, self._patch_size, self._resize_mode)

    def encode(self, frame_id: int, image: Shaped[np.ndarray, '*_']) -> None:
        """Do what can be done for an image before the window it will be in is complete.

        Args:
            frame_id: Unique in this run; `predict` finds the tokens by it.
            image: (height, width, 3) uint8 RGB.

        Raises:
            PredictionError: As in `predict`.
        """
        network = self._running_network()
        grid = self._grid_of([image])
        if self._cache.get(frame_id, grid) is None:
            with self._running(1):
                self._cache.put(frame_id, self._encoded(network, [image], grid)[0])

    def predict(
        self,
        images: Sequence[Shaped[np.ndarray, '*_']],
        request: Request | None = None,
        *,
        frame_ids: Sequence[int] | None = None,
    ) -> Prediction:
        """Run one forward pass; the same numbers, whatever was encoded before.

        Args:
            images: S arrays (height, width, 3), uint8 RGB, all of one size. World is about the
                frame of the first.
            request: What is wanted beside depth and cameras; None for nothing.
            frame_ids: Who the images are: an image is encoded only once, as long as its tokens
                are kept. None for images that will not be asked about again.

        Raises:
            PredictionError: The images or query points cannot be used, the answer is not usable,
                or the predictor is parked or closed.
            DeviceMemoryError: The memory of the device does not suffice.
        """
        request = Request() if request is None else request
        network = self._running_network()
        grid = self._grid_of(images)
        queries = model_queries(request.query_points, grid)
        check_depth_frames(request, len(images))
        heads = ['camera', 'depth']
        if request.point_head:
            heads.append('points')
        if queries is not None and len(queries):
            heads.append('track')
        with self._running(len(images)):
            encoded = self._encoded_window(network, images, grid, frame_ids)
            outputs = self._decode(network, encoded, grid, queries, heads, request)
            seen = np.stack([image.seen for image in encoded])
            prediction = prediction_from_outputs(outputs, seen, grid, request)
            return replace(prediction, descriptors=descriptors(encoded))

    def park(self) -> None:
        """Free the memory of the device, keep the weights on the CPU; again is harmless."""
        if self._network is not None and not self._is_parked:
            self._network.to('cpu')
            self._is_parked = True
            self._cache.clear()
            self._free_cache()

    def unpark(self) -> None:
        """Undo `park`; again is harmless.

        Raises:
            DeviceError: The device has not enough memory.
            PredictionError: The predictor is closed.
        """
        if self._network is None:
            raise PredictionError('the predictor is closed; load another one')
        if not self._is_parked:
            return
        try:
            self._network.to(self._device)
        except torch.cuda.OutOfMemoryError as error:
            self._network.to('cpu')
            self._free_cache()
            raise DeviceError(
                f'the weights do not fit into the memory of {device_name(self._device)}: '
                f'{error}; stop other programs on it or use another device'
            ) from error
        self._is_parked = False

    def close(self) -> None:
        """Free the weights and the memory of the device; the predictor is of no use after."""
        self._network = None
        self._cache.clear()
        self._free_cache()

    def _running_network(self) -> VGGT:
        if self._network is None:
            raise PredictionError('the predictor is closed; load another one')
        if self._is_parked:
            raise PredictionError('the predictor is parked; call unpark() first')
        return self._network

    def _grid_of(self, images: Sequence[Shaped[np.ndarray, '*_']]) -> ImageGrid:
        check_images(images)
        height, width = images[0].shape[:2]
        return self.grid(width, height)

    def _encoded_window(
        self,
        network: VGGT,
        images: Sequence[Shaped[np.ndarray, '*_']],
        grid: ImageGrid,
        frame_ids: Sequence[int] | None,
    ) -> list[EncodedImage]:
        """Return all images of a window encoded, those that are not yet in one go."""
        if frame_ids is None:
            return self._encoded(network, images, grid)
        if len(frame_ids) != len(images):
            raise PredictionError(
                f'{len(frame_ids)} frame ids do not name {len(images)} images; give one for each'
            )
        known = [self._cache.get(frame_id, grid) for frame_id in frame_ids]
        fresh = [i for i, encoded in enumerate(known) if encoded is None]
        if fresh:
            made = self._encoded(network, [images[i] for i in fresh], grid)
            for i, encoded in zip(fresh, made, strict=True):
                self._cache.put(frame_ids[i], encoded)
                known[i] = encoded
        return [encoded for encoded in known if encoded is not None]

    def _encoded(
        self, network: VGGT, images: Sequence[Shaped[np.ndarray, '*_']], grid: ImageGrid
    ) -> list[EncodedImage]:
        seen = [resize(image, grid) for image in images]
        pixels = torch.from_numpy(np.stack(seen)).to(self._device)
        with self._autocast():
            tokens = network.aggregator.encode(pixels.permute(0, 3, 1, 2).float().div(255))
        return [
            # A copy: a slice would keep the tokens of the whole batch alive.
            EncodedImage(grid=grid, seen=image, tokens=tokens[i : i + 1].clone())
            for i, image in enumerate(seen)
        ]

    def _decode(
        self,
        network: VGGT,
        encoded: Sequence[EncodedImage],
        grid: ImageGrid,
        queries: Float32[np.ndarray, 'N 2'] | None,
        heads: Sequence[str],
        request: Request,
    ) -> Outputs:
        query_points = None
        if queries is not None and 'track' in heads:
            query_points = torch.from_numpy(queries).to(self._device)[None]
        # The heads switch autocast off again and run in float32, as they were trained.
        with self._autocast():
            return network.decode(
                torch.cat([image.tokens for image in encoded])[None],
                (grid.model_height, grid.model_width),
                query_points,
                heads=heads,
                depth_frames=request.depth_frames,
            )

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            self._device.type, self._precision, enabled=self._precision != torch.float32
        )

    def _run_once(self) -> None:
        """Encode an image alone and with others, and look at a window: what a stream does."""
        network = self._running_network()
        blank = np.zeros((2 * self._patch_size, self._image_size, 3), np.uint8)
        grid = self._grid_of([blank])
        with self._running(3):
            self._encoded(network, [blank], grid)
            window = self._encoded(network, [blank] * 3, grid)
            self._decode(network, window, grid, None, ['camera', 'depth'], Request())

    @contextmanager
    def _running(self, num_images: int) -> Iterator[None]:
        try:
            with torch.inference_mode(), self._products.running(), self._compiled.running():
                yield
        except torch.cuda.OutOfMemoryError as error:
            self._free_cache()
            raise DeviceMemoryError(
                f'the memory of {self.description.device} does not suffice for {num_images} '
                f'images: {error}; lower window.size or model.image_size'
            ) from error

    def _free_cache(self) -> None:
        if self._device.type == 'cuda':
            torch.cuda.empty_cache()
