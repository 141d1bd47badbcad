import numpy as np
import pytest
import torch

from training.solid_finish import finished, Light
from training.solid_render import render_solids
from training.solids import Assembly, box
from training.view_rendering import intrinsics
from vggt_ros.synthetic.walk import look

SIZE = 42, 56


def light(**changes):
    values = {
        'lamp': np.array([0.0, 0.0, 2.3]),
        'lamp_color': np.ones(3),
        'reach_m': 1e3,
        'fill': np.array([0.0, 0.0, 1.0]),
        'fill_color': np.zeros(3),
        'ambient': 0.1 * np.ones(3),
    }
    return Light(**{**values, **changes})


@pytest.fixture
def render(pictures):
    def make(*parts, lights=None, **options):
        """A floor at z = 0, ceiling and walls 2 m away, and parts; the camera looks along x."""
        rng = np.random.default_rng(0)
        place = Assembly()
        place.add(
            [
                box((0, 0, -0.1), (3, 3, 0.1)),
                box((0, 0, 2.5), (3, 3, 0.1)),
                *[box((s * 2.1, 0, 1.2), (0.1, 3, 1.3)) for s in (-1, 1)],
                *[box((0, s * 2.1, 1.2), (3, 0.1, 1.3)) for s in (-1, 1)],
                *parts,
            ]
        )
        solids = finished(rng, place, pictures, lights or light(), num_shell=6)
        solids.gloss.zero_()
        center, yaw, pitch = np.array([[-1.0, 0.0, 1.2]]), np.zeros(1), np.zeros(1)
        return render_solids(
            solids,
            torch.zeros(1, dtype=torch.int64),
            intrinsics(np.array([1.4]), SIZE),
            torch.from_numpy(look(center, yaw, pitch)).float(),
            height=SIZE[0],
            width=SIZE[1],
            atlas=pictures.atlas,
            **options,
        )

    return make


def test_depth_is_along_the_optical_axis(render):
    depth = render().depth[0]
    middle = depth[18:24, 12:44]  # beside it are the walls left and right
    torch.testing.assert_close(middle, torch.full((6, 32), 3.0), rtol=1e-4, atol=0)


def test_what_stands_in_the_way_is_nearer(render):
    depth = render(box((0.5, 0, 1.2), (0.1, 0.2, 0.2))).depth[0]
    assert depth[21, 28] == pytest.approx(1.4, abs=1e-4)
    assert depth[21, 12] == pytest.approx(3.0, abs=1e-3)


def test_a_shadow_falls_where_the_lamp_does_not_reach(render):
    lit = render().rgb[0].float().mean(-1)
    shadowed = render(box((0.6, 0, 1.0), (0.5, 0.5, 0.01))).rgb[0].float().mean(-1)
    floor = slice(34, 42), slice(20, 36)
    assert shadowed[floor].mean() < 0.6 * lit[floor].mean()


def test_light_from_everywhere_casts_no_shadow(render):
    dim = light(lamp_color=np.zeros(3), ambient=0.8 * np.ones(3))
    lit = render(lights=dim).rgb[0].float()
    under = render(box((0.6, 0, 1.0), (0.5, 0.5, 0.01)), lights=dim).rgb[0].float()
    torch.testing.assert_close(under[34:, 20:36], lit[34:, 20:36], atol=1.5, rtol=0)


def test_an_automatic_exposure_brings_views_to_a_mean(render):
    dark = light(lamp_color=0.2 * np.ones(3), ambient=0.05 * np.ones(3))
    rgb = render(lights=dark, brightness=torch.tensor([0.4])).rgb.float() / 255
    assert rgb.mean() == pytest.approx(0.4, abs=0.06)
    assert render(lights=dark).rgb.float().mean() < 0.25 * 255


def test_distortion_moves_the_edge_and_not_the_middle(render):
    thing = box((0.5, -0.55, 1.2), (0.1, 0.3, 0.3))
    straight = render(thing).depth[0]
    bent = render(thing, radial=torch.tensor([0.3])).depth[0]
    assert (straight[21, 28] - bent[21, 28]).abs() < 1e-3
    assert (straight[21] < 2).sum() != (bent[21] < 2).sum()


def test_more_samples_smooth_outlines_and_keep_depth_sharp(render):
    thing = box((0.5, 0, 1.2), (0.1, 0.2, 0.2), pitch=0.3, roll=0.5)
    smooth = render(thing, samples=2)
    assert smooth.rgb.shape == (1, *SIZE, 3)
    depth = smooth.depth[0]
    between = (depth > 1.75) & (depth < 2.0)
    assert between[15:27].float().mean() < 0.02
