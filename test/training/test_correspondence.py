import torch

from training.correspondence import correspondence, patch_centers, track_truth
from vggt_ros.synthetic.point_tracks import track_points
from vggt_ros.synthetic.room import furnished_room


def exact(views, query_uv):
    return track_points(
        furnished_room(11).scene,
        views.K[:1].expand(3, -1, -1),
        views.world_from_cam[0],
        0,
        query_uv,
        height=84,
        width=112,
    )


def test_places_are_those_of_exact_ray_casting(window, views):
    pixels = patch_centers((6, 8), 14, torch.device('cpu'))
    found = correspondence(window, pixels)
    expected = exact(views, pixels.float())
    is_seen = expected.is_visible
    error_px = (found.uv[0, 0] - expected.positions).norm(dim=-1)[is_seen]
    assert error_px.max() < 0.05
    agreement = (found.is_visible[0, 0] == is_seen).float().mean()
    assert agreement > 0.95


def test_some_pixels_leave_the_image_and_most_do_not(window):
    found = correspondence(window, patch_centers((6, 8), 14, torch.device('cpu')))
    share = found.is_visible[:, 0, 2].float().mean()
    assert 0.3 < share < 1.0


def test_every_pixel_is_where_it_is_in_its_own_frame(window):
    pixels = patch_centers((6, 8), 14, torch.device('cpu'))
    found = correspondence(window, pixels)
    for s in range(3):
        torch.testing.assert_close(
            found.uv[:, s, s], pixels.float().expand(2, -1, -1), atol=1e-3, rtol=0
        )
        assert found.is_visible[:, s, s].all()


def test_tracks_of_chosen_pixels_are_exact(window, views):
    queries = torch.tensor([[[30, 20], [80, 60], [10, 70]], [[5, 5], [50, 40], [100, 30]]])
    positions, is_visible = track_truth(window, queries)
    expected = exact(views, queries[0].float())
    both = is_visible[0] & expected.is_visible
    assert both[1:].any()
    error_px = (positions[0] - expected.positions).norm(dim=-1)[both]
    assert error_px.max() < 0.05


def test_centers_of_patches_are_listed_row_by_row():
    centers = patch_centers((2, 3), 14, torch.device('cpu'))
    assert centers.tolist() == [[7, 7], [21, 7], [35, 7], [7, 21], [21, 21], [35, 21]]
