import pytest

from vggt_ros.cli.setting_words import with_words
from vggt_ros.errors import ConfigError
from vggt_ros.settings.config import VggtConfig


def test_words_become_values_of_the_type_that_the_setting_has():
    config = with_words(
        VggtConfig(),
        [
            'keyframe.min_parallax=0',
            'window.overlap=2',
            'loop.enable=False',
            'model.checkpoint=a=b',
        ],
    )
    assert config.keyframe.min_parallax == 0.0
    assert config.window.overlap == 2
    assert config.loop.enable is False
    assert config.model.checkpoint == 'a=b'


@pytest.mark.parametrize(
    ('word', 'match'),
    [
        ('window.overlap', 'name=value'),
        ('window.overlap=many', "window.overlap must be of type int; got 'many'"),
        ('loop.enable=perhaps', 'of type bool'),
        ('window.overlap=99', 'window.overlap'),
        ('no.such=1', r'no parameter no\.such'),
    ],
)
def test_a_word_that_sets_nothing_is_refused(word, match):
    with pytest.raises(ConfigError, match=match):
        with_words(VggtConfig(), [word])
