from dataclasses import replace

import numpy as np
import pytest

from vggt_ros.geometry import se3
from vggt_ros.mapping.refinement import near_network
from vggt_ros.mapping.refinement.bundle_adjustment import DepthPrior, PosePrior
from vggt_ros.mapping.refinement.network_start import start_from_network
from vggt_ros.mapping.refinement.relative_pose import RelativePose
from vggt_ros.mapping.refinement.window_candidate import AdjustmentPriors, solve

NOTHING = AdjustmentPriors()


def solved(window, seen, estimate, priors=NOTHING):
    start = start_from_network(estimate, seen.tracks.uv, seen.K)
    return solve('network', start, seen, estimate, priors, is_near=False)


def test_a_prior_that_costs_what_fits_is_not_used(tracked, pose_error, monkeypatch):
    window = tracked()
    seen = window.seen()
    estimate = window.estimate(seen.tracks, turn_deg=3.0, shift=0.1)

    def sure(geometry, network, *_):
        return [
            PosePrior(
                row=row, window_from_cam=pose, rotation_sigma_rad=1e-5, translation_sigma=1e-5
            )
            for row, pose in enumerate(network)
        ]

    monkeypatch.setattr(near_network, 'network_pose_priors', sure)
    best = solved(window, seen, estimate)
    found = near_network.drawn_to_network(best, seen, estimate, NOTHING)
    assert pose_error(window, found.geometry.window_from_cam)[0] < 0.06


def test_only_windows_whose_points_the_map_does_not_know_are_drawn_to_the_network(
    tracked, monkeypatch
):
    drawn = []
    monkeypatch.setattr(near_network, 'network_pose_priors', lambda *_: drawn.append(True) or [])
    window = tracked()
    seen = window.seen()
    estimate = window.estimate(seen.tracks, turn_deg=0.5, shift=0.01)
    track = np.flatnonzero(seen.tracks.is_seen[:, 0])
    depth = DepthPrior(
        track=track,
        row=np.zeros(len(track), int),
        depth=window.depth[window.point_of(seen.tracks)[track], 0],
        log_sigma=np.full(len(track), 0.01),
    )
    best = solved(window, seen, estimate)
    assert (
        near_network.drawn_to_network(best, seen, estimate, AdjustmentPriors(depth=depth)) is best
    )
    assert not drawn
    near_network.drawn_to_network(best, seen, estimate, NOTHING)
    assert len(drawn) == 1


def wheels(window):
    poses = window.window_from_cam
    return [
        RelativePose(
            row_a=row,
            row_b=row + 1,
            a_from_b=step,
            rotation_sigma_rad=0.01,
            translation_sigma=0.01,
        )
        for row, step in enumerate(se3.inverse(poses[:-1]) @ poses[1:])
    ]


@pytest.mark.parametrize('has_wheels', [False, True])
def test_what_wheels_contradict_is_not_nearly_as_good(tracked, monkeypatch, has_wheels):
    window = tracked()
    seen = window.seen()
    estimate = window.estimate(seen.tracks)
    best = solved(window, seen, estimate)
    poses = best.geometry.window_from_cam.copy()
    poses[3, 0, 3] += 0.1
    near = replace(best, name='near', geometry=replace(best.geometry, window_from_cam=poses))
    monkeypatch.setattr(near_network, 'solve', lambda *_, **__: near)
    priors = AdjustmentPriors(relative=wheels(window) if has_wheels else ())
    found = near_network.near_network(best, seen, estimate, priors)
    assert found.name == ('network' if has_wheels else 'near')
