import numpy as np
import pytest
import torch

from vggt_ros.mapping.refinement import photo_consistency
from vggt_ros.mapping.refinement.photo_consistency import locally_normalized, matching_scores

HEIGHT, WIDTH = 40, 60
# A source whose pixels move by 10 pixels to the left over depth.
RAYS = torch.eye(3)[None]
EPIPOLES = torch.tensor([[-10.0, 0, 0]])
INVERSE_DEPTHS = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.fixture
def texture():
    generator = torch.Generator().manual_seed(0)
    return torch.rand((HEIGHT, WIDTH + 20), generator=generator)


def shifted(texture, pixels):
    """What a camera sees that stands so far to the right that things move to the left."""
    return texture[:, pixels : pixels + WIDTH]


def scores(reference, *sources, epipoles=None, surface=None, ratios=INVERSE_DEPTHS):
    gray = locally_normalized(torch.stack([reference, *sources]))
    return matching_scores(
        gray[0],
        gray[1:],
        RAYS.expand(len(sources), 3, 3),
        EPIPOLES.expand(len(sources), 3) if epipoles is None else epipoles,
        torch.ones((HEIGHT, WIDTH)) if surface is None else surface,
        ratios,
    )


def test_brightness_and_contrast_do_not_matter(texture):
    dark = 0.3 * texture + 0.1
    np.testing.assert_allclose(
        locally_normalized(texture[None]), locally_normalized(dark[None]), atol=0.02
    )


def test_noise_on_a_plain_wall_is_not_blown_up(texture):
    wall = 0.5 + 0.0005 * texture
    assert locally_normalized(wall[None]).abs().mean() < 0.1
    assert locally_normalized(texture[None]).abs().mean() > 0.7


def test_frames_look_most_alike_at_the_true_depth(texture):
    found = scores(shifted(texture, 0), shifted(texture, 3))
    inside = found.score[5:-5, 10:-10]
    assert (inside.argmax(dim=-1) == 2).all()
    assert inside[..., 2].mean() > 0.9
    assert inside[..., [0, 4]].mean().abs() < 0.1


def test_the_score_is_the_mean_over_the_frames_that_see_the_place(texture):
    same, other = shifted(texture, 3), torch.rand((HEIGHT, WIDTH))
    both = scores(shifted(texture, 0), same, other).score
    alone = [scores(shifted(texture, 0), source).score for source in (same, other)]
    mean = (alone[0] + alone[1]) / 2
    # Where all see the place, and where no score was cut at 1.
    whole = alone[0].abs() < 1
    whole[:, :10] = whole[:, -10:] = False
    assert whole.sum() > 5000
    np.testing.assert_allclose(both[whole], mean[whole], atol=1e-5)


def test_multiples_of_a_surface_are_inverse_depths(texture):
    reference, source = shifted(texture, 0), shifted(texture, 3)
    planes = scores(reference, source)
    surface = torch.full((HEIGHT, WIDTH), 0.25)
    multiples = scores(reference, source, surface=surface, ratios=INVERSE_DEPTHS / 0.25)
    np.testing.assert_allclose(planes.score, multiples.score, atol=1e-4)
    surface[:, 30:] = 0.15
    bent = scores(reference, source, surface=surface, ratios=torch.tensor([1.2, 2.0]))
    assert (bent.score[5:-5, 10:25].argmax(dim=-1) == 0).all()
    assert (bent.score[5:-5, 35:50].argmax(dim=-1) == 1).all()


def test_what_no_frame_sees_is_told(texture):
    found = scores(shifted(texture, 0), shifted(texture, 3))
    # At inverse depth 0.5 the five leftmost columns have left the source.
    assert not found.is_seen[:, :4, 4].any()
    assert found.is_seen[:, 6:, 4].all()
    assert found.is_seen[:, 2:, 0].all()


def test_blocks_of_rows_give_the_same_as_all_rows(texture, monkeypatch):
    whole = scores(shifted(texture, 0), shifted(texture, 3))
    monkeypatch.setattr(photo_consistency, '_BLOCK_SIZE', 7 * WIDTH * len(INVERSE_DEPTHS))
    blocks = scores(shifted(texture, 0), shifted(texture, 3))
    assert (whole.score == blocks.score).all()
    assert (whole.is_seen == blocks.is_seen).all()


def test_a_place_beside_the_source_camera_is_no_number_gone_wrong(texture):
    # At inverse depth 0.4 the source is exactly as far as the place, beyond it has passed it.
    epipoles = torch.tensor([[0.0, 0, -2.5]])
    found = scores(shifted(texture, 0), shifted(texture, 3), epipoles=epipoles)
    assert found.score.isfinite().all()
    assert found.is_seen[..., 3].sum() <= 1  # the one pixel that shows the source itself
    assert not found.is_seen[..., 4].any()


def test_plain_images_are_not_alike():
    plain = torch.full((HEIGHT, WIDTH), 0.4)
    assert scores(plain, plain).score[5:-5, 10:-10].abs().max() < 1e-3
