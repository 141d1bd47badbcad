"""Architecture settings of a network of the VGGT family; the defaults are VGGT-1B."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vggt_ros.errors import ConfigError

HEAD_NAMES = ('camera', 'depth', 'points', 'track')


@dataclass(frozen=True, slots=True)
class EncoderSize:
    """Width, depth and attention heads of a DINOv2 encoder."""

    embed_dim: int
    depth: int
    num_heads: int


ENCODER_SIZES = {
    'dinov2_vitn14_reg': EncoderSize(128, 4, 4),  # ours, for nano; the others are DINOv2's
    'dinov2_vits14_reg': EncoderSize(384, 12, 6),
    'dinov2_vitb14_reg': EncoderSize(768, 12, 12),
    'dinov2_vitl14_reg': EncoderSize(1024, 24, 16),
    'dinov2_vitg2_reg': EncoderSize(1536, 40, 24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregatorConfig:
    """The backbone: patch embedding and alternating attention.

    Attributes:
        img_size: Side of the square image the learned positional table stands for, pixels.
        patch_size: Side of a patch, pixels; image sizes are multiples of it.
        embed_dim: Width of a token; list entries have twice this width.
        depth: Pairs of one frame block and one global block.
        num_heads: Attention heads of those blocks.
        mlp_ratio: Hidden width of a block's MLP, as a multiple of `embed_dim`.
        num_register_tokens: Register tokens beside the camera token (and the encoder's).
        patch_embed: `conv` for a plain convolution, or one of `ENCODER_SIZES`.
        rope_base: Base of the rotary frequencies, positive.
        qk_norm: True to normalize queries and keys.
        layer_scale: Initial value of the residual branches' scales.
    """

    img_size: int = 518
    patch_size: int = 14
    embed_dim: int = 1024
    depth: int = 24
    num_heads: int = 16
    mlp_ratio: float = 4.0
    num_register_tokens: int = 4
    patch_embed: str = 'dinov2_vitl14_reg'
    rope_base: float = 100.0
    qk_norm: bool = True
    layer_scale: float = 0.01

    def __post_init__(self) -> None:
        """Raise ConfigError if the parts do not fit together."""
        for name in ('img_size', 'patch_size', 'embed_dim', 'depth', 'num_heads'):
            _require_positive(f'aggregator.{name}', getattr(self, name))
        _require_positive('aggregator.mlp_ratio', self.mlp_ratio)
        _require_positive('aggregator.rope_base', self.rope_base)
        if self.num_register_tokens < 0:
            raise ConfigError(
                f'aggregator.num_register_tokens must be at least 0; '
                f'got {self.num_register_tokens}'
            )
        # Rotary positions split a head into two axes of paired components.
        _require_multiple('aggregator.embed_dim', self.embed_dim, 4 * self.num_heads)
        _require_multiple('aggregator.img_size', self.img_size, self.patch_size)
        if not self.is_convolutional:
            self._check_encoder()

    def _check_encoder(self) -> None:
        size = ENCODER_SIZES.get(self.patch_embed)
        if size is None:
            raise ConfigError(
                f'aggregator.patch_embed must be conv or one of {", ".join(ENCODER_SIZES)}; '
                f'got {self.patch_embed!r}'
            )
        if size.embed_dim != self.embed_dim:
            raise ConfigError(
                f'{self.patch_embed} makes tokens of width {size.embed_dim}; '
                f'set aggregator.embed_dim to it, got {self.embed_dim}'
            )

    @property
    def is_convolutional(self) -> bool:
        """True if patches are embedded by a plain convolution."""
        return 'conv' in self.patch_embed

    @property
    def encoder(self) -> EncoderSize:
        """Size of the DINOv2 encoder; only if `is_convolutional` is False."""
        return ENCODER_SIZES[self.patch_embed]

    @property
    def num_special_tokens(self) -> int:
        """Tokens of a frame in front of its patches: the camera token and the registers."""
        return 1 + self.num_register_tokens

    @property
    def token_dim(self) -> int:
        """Width of a list entry: a frame block's and a global block's output side by side."""
        return 2 * self.embed_dim


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHeadConfig:
    """The head that turns camera tokens into pose encodings.

    Attributes:
        trunk_depth: Transformer blocks of one refinement.
        num_heads: Attention heads of those blocks.
        mlp_ratio: Hidden width of a block's MLP, as a multiple of the token width.
        iterations: Refinements.
        layer_scale: Initial value of the residual branches' scales.
    """

    trunk_depth: int = 4
    num_heads: int = 16
    mlp_ratio: float = 4.0
    iterations: int = 4
    layer_scale: float = 0.01

    def __post_init__(self) -> None:
        """Raise ConfigError if a number is not positive."""
        for name in ('trunk_depth', 'num_heads', 'mlp_ratio', 'iterations'):
            _require_positive(f'camera_head.{name}', getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class DptHeadConfig:
    """The dense heads for depth and for points.

    Attributes:
        features: Width of the fused maps.
        out_channels: Width of the four levels, finest first.
        layers: The four list entries the levels are made of, finest level first.
    """

    features: int = 256
    out_channels: tuple[int, ...] = (256, 512, 1024, 1024)
    layers: tuple[int, ...] = (4, 11, 17, 23)

    def __post_init__(self) -> None:
        """Raise ConfigError if there are not four levels or a width has no sine/cosine pairs."""
        _require_multiple('dpt_head.features', self.features, 8)
        _check_levels('dpt_head', self.out_channels, self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackHeadConfig:
    """The head that follows points through the frames.

    Attributes:
        features: Width of the feature maps that are compared.
        out_channels: Width of the four levels of the feature extractor, finest first.
        layers: The four list entries the levels are made of, finest level first.
        pos_embed: True for checkpoints whose feature extractor adds a positional embedding.
        down_ratio: Pixels per cell of the feature maps.
        stride: What pixel coordinates are divided by to give cells; equals `down_ratio` in every
            released network.
        iterations: Refinements of a track.
        corr_levels: Levels of the correlation pyramid, each half the size of the one before.
        corr_radius: Cells the correlation window reaches to each side.
        hidden_size: Width of the update transformer.
        depth: Rounds of attention over time and over tracks.
        num_heads: Attention heads of the update transformer.
        num_virtual_tracks: Learned tracks through which points see each other.
        predict_conf: True to predict a confidence beside the visibility.
    """

    features: int = 128
    out_channels: tuple[int, ...] = (256, 512, 1024, 1024)
    layers: tuple[int, ...] = (4, 11, 17, 23)
    pos_embed: bool = False
    down_ratio: int = 2
    stride: int = 2
    iterations: int = 4
    corr_levels: int = 7
    corr_radius: int = 4
    hidden_size: int = 384
    depth: int = 6
    num_heads: int = 8
    num_virtual_tracks: int = 64
    predict_conf: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError if a number is out of range."""
        for name in ('down_ratio', 'stride', 'iterations', 'corr_levels', 'depth', 'num_heads'):
            _require_positive(f'track_head.{name}', getattr(self, name))
        _require_positive('track_head.num_virtual_tracks', self.num_virtual_tracks)
        if self.corr_radius < 0:
            raise ConfigError(f'track_head.corr_radius must be at least 0; got {self.corr_radius}')
        _require_multiple('track_head.features', self.features, 8)
        _require_multiple('track_head.hidden_size', self.hidden_size, self.num_heads)
        _check_levels('track_head', self.out_channels, self.layers)

    @property
    def min_image_size(self) -> int:
        """Smallest image side that leaves a cell on the pyramid's top, pixels."""
        return self.down_ratio * 2 ** (self.corr_levels - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """A whole network; a head that is switched off has no weights and gives no output."""

    aggregator: AggregatorConfig = field(default_factory=AggregatorConfig)
    camera_head: CameraHeadConfig = field(default_factory=CameraHeadConfig)
    dpt_head: DptHeadConfig = field(default_factory=DptHeadConfig)
    track_head: TrackHeadConfig = field(default_factory=TrackHeadConfig)
    enable_camera: bool = True
    enable_depth: bool = True
    enable_points: bool = True
    enable_track: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError if a head reads what the aggregator does not make."""
        depth = self.aggregator.depth
        for head in self.enabled_heads:
            too_high = [layer for layer in self.layers_of(head) if not 0 <= layer < depth]
            if too_high:
                raise ConfigError(
                    f'the {head} head reads list entries {too_high}; aggregator.depth {depth} '
                    f'has entries 0..{depth - 1}'
                )
        if self.enable_camera:
            _require_multiple(
                'token width of the camera head',
                self.aggregator.token_dim,
                self.camera_head.num_heads,
            )

    @property
    def enabled_heads(self) -> tuple[str, ...]:
        """Names of the heads that are switched on, in the order of `HEAD_NAMES`."""
        flags = (self.enable_camera, self.enable_depth, self.enable_points, self.enable_track)
        return tuple(name for name, is_on in zip(HEAD_NAMES, flags, strict=True) if is_on)

    def layers_of(self, head: str) -> tuple[int, ...]:
        """Return the list entries that the named head reads."""
        if head == 'camera':
            return (self.aggregator.depth - 1,)
        return self.track_head.layers if head == 'track' else self.dpt_head.layers


def _require_positive(name: str, value: float | int) -> None:
    if not value > 0:
        raise ConfigError(f'{name} must be greater than 0; got {value}')


def _require_multiple(name: str, value: int, divisor: int) -> None:
    if value <= 0 or value % divisor:
        raise ConfigError(f'{name} must be a positive multiple of {divisor}; got {value}')


def _check_levels(head: str, out_channels: Sequence[int], layers: Sequence[int]) -> None:
    for name, values in (('out_channels', out_channels), ('layers', layers)):
        if len(values) != 4:
            raise ConfigError(f'{head}.{name} must name four levels; got {tuple(values)}')
    for channels in out_channels:
        _require_multiple(f'{head}.out_channels', channels, 4)
