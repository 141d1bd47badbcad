from training.views import Views


def test_views_hold_what_was_rendered(views):
    assert isinstance(views, Views)
    assert views.rgb.shape[:4] == views.depth.shape
    assert views.world_from_cam.shape[:2] == views.depth.shape[:2]
    assert len(views.K) == len(views.depth)
