"""Recomputes the small pieces that the golden file `units` holds."""

from __future__ import annotations

from collections.abc import Mapping
import re

from golden_network import fill
from golden_points import points_in_world
import numpy as np
import torch
from torch import nn, Tensor

from vggt_ros.model.correlation import feature_pyramid, sample_bilinear, sample_correlation
from vggt_ros.model.dense_activation import confidence_from_raw, depth_from_raw, points_from_raw
from vggt_ros.model.dpt_fusion import FusionBlock, ResidualConvUnit
from vggt_ros.model.pose_encoding import (
    activate_pose_encoding,
    decode_pose_encoding,
    encode_pose_encoding,
    quat_from_rotation,
    rotation_from_quat,
)
from vggt_ros.model.position_embedding import dpt_axis_tables, flow_embedding, track_axis_tables
from vggt_ros.model.rope import rotary_table
from vggt_ros.model.update_transformer import CrossBlock, SelfBlock
from vggt_ros.model.vit import resized_position_table

INPUTS = {
    'rope.x', 'rope.pos', 'dinopos.table', 'quat.q', 'pose.enc', 'pose_act.in', 'act.map4',
    'act.map2', 'rcu.x', 'fusion.a', 'fusion.b', 'flowemb.flow', 'sample.map', 'sample.xy',
    'corr.fmaps', 'corr.targets', 'corr.xy', 'attn_block.x', 'cross_block.context',
    'unproject.depth',
}  # fmt: skip
_ROPE_BASE = 100.0
_PATCH_SIZE = 14
_POSE_IMAGE_SIZE = (70, 98)
_BLOCK_HEADS = 8


def unit_outputs(
    stored: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> dict[str, Tensor]:
    """Recompute the outputs of all pieces."""
    seed = int(metadata.get('weight_seed', 0))
    tensors = {name: torch.from_numpy(array) for name, array in stored.items()}
    return {
        **_positions(tensors),
        **_cameras(tensors),
        **_dense(tensors, seed),
        **_tracking(tensors, seed),
    }


def _positions(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    x, table = stored['rope.x'], stored['dinopos.table']
    rope = rotary_table(stored['rope.pos'], x.shape[-1], _ROPE_BASE)
    outputs = {'rope.y': rope.rotate(x)}
    for key in stored:
        if sizes := _sizes(r'dinopos\.H(\d+)_W(\d+)', key):
            grid = (sizes[0] // _PATCH_SIZE, sizes[1] // _PATCH_SIZE)
            outputs[key] = resized_position_table(table, grid)
        elif sizes := _sizes(r'dptpos\.C(\d+)_h(\d+)_w(\d+)_H(\d+)_W(\d+)', key):
            C, h, w, H, W = sizes
            column, row = dpt_axis_tables((h, w), C, (H, W))
            outputs[key] = _full_table(column, row)
        elif sizes := _sizes(r'trackpos\.C(\d+)_h(\d+)_w(\d+)', key):
            C, h, w = sizes
            column, row = track_axis_tables((h, w), C)
            outputs[key] = _full_table(column.T, row.T)[None]
        elif sizes := _sizes(r'flowemb\.C(\d+)', key):
            outputs[key] = flow_embedding(stored['flowemb.flow'], sizes[0])
    return outputs


def _cameras(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    rotation = rotation_from_quat(stored['quat.q'])
    cam_from_world, K = decode_pose_encoding(stored['pose.enc'], _POSE_IMAGE_SIZE)
    return {
        'quat.R': rotation,
        'quat.q_back': quat_from_rotation(rotation),
        'pose.extrinsics': cam_from_world,
        'pose.intrinsics': K,
        'pose.enc_back': encode_pose_encoding(cam_from_world, K, _POSE_IMAGE_SIZE),
        'pose_act.out': activate_pose_encoding(stored['pose_act.in']),
        'unproject.points': points_in_world(stored['unproject.depth'], cam_from_world[0], K[0]),
    }


def _dense(stored: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    four, two = (stored[key].permute(0, 2, 3, 1) for key in ('act.map4', 'act.map2'))
    a, b = stored['fusion.a'], stored['fusion.b']
    C = a.shape[1]
    with torch.device('meta'):
        unit = ResidualConvUnit(stored['rcu.x'].shape[1])
        fusion, deepest = FusionBlock(C, has_lateral=True), FusionBlock(C, has_lateral=False)
    _fill_unit(unit, 'rcu', seed)
    _fill_unit(fusion, 'fusion', seed)
    _fill_unit(deepest, 'fusion4', seed)
    outputs = {
        'act.points': points_from_raw(four[..., :-1]),
        'act.points_conf': confidence_from_raw(four[..., -1]),
        'act.depth': depth_from_raw(two[..., :-1]),
        'act.depth_conf': confidence_from_raw(two[..., -1]),
        'rcu.y': unit(stored['rcu.x']),
        'fusion.x2': fusion(a, b),
    }
    for key in stored:
        if sizes := _sizes(r'fusion\.to_(\d+)x(\d+)', key):
            outputs[key] = fusion(a, b, size=(sizes[0], sizes[1]))
        elif sizes := _sizes(r'fusion4\.to_(\d+)x(\d+)', key):
            outputs[key] = deepest(a, size=(sizes[0], sizes[1]))
    return outputs


def _tracking(stored: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    x = stored['attn_block.x']
    with torch.device('meta'):
        self_block = SelfBlock(x.shape[-1], _BLOCK_HEADS).eval()
        cross_block = CrossBlock(x.shape[-1], _BLOCK_HEADS).eval()
    _fill_unit(self_block, 'attn_block', seed)
    _fill_unit(cross_block, 'cross_block', seed)
    outputs = {
        'sample.out': sample_bilinear(stored['sample.map'], stored['sample.xy']),
        'attn_block.y': self_block(x),
        'cross_block.y': cross_block(x, stored['cross_block.context']),
    }
    for key in stored:
        if sizes := _sizes(r'corr\.L(\d+)_r(\d+)', key):
            outputs[key] = sample_correlation(
                feature_pyramid(stored['corr.fmaps'], sizes[0]),
                stored['corr.targets'],
                stored['corr.xy'],
                sizes[1],
            )
    return outputs


def _fill_unit(module: nn.Module, name: str, seed: int) -> None:
    fill(module, f'unit.{name}.', seed)


def _full_table(column: Tensor, row: Tensor) -> Tensor:
    """Spread (c/2, w) and (c/2, h) to (c, h, w)."""
    h, w = row.shape[1], column.shape[1]
    return torch.cat([column[:, None, :].expand(-1, h, -1), row[:, :, None].expand(-1, -1, w)])


def _sizes(pattern: str, key: str) -> tuple[int, ...] | None:
    match = re.fullmatch(pattern, key)
    return tuple(int(number) for number in match.groups()) if match else None
