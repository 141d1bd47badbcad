from vggt_ros.viewer.view_settings import COLORINGS, ViewSettings


def test_everything_is_shown_in_the_colors_of_the_images_at_first():
    settings = ViewSettings()
    assert settings.coloring == COLORINGS[0] == 'image'
    assert settings.until_ns is None
    assert settings.min_confidence_percent == 0
