import argparse

import pytest

from vggt_ros.cli import sequence_options
from vggt_ros.cli.sequence_options import add_sequence_options, opened
from vggt_ros.errors import SourceError


@pytest.fixture
def options_of():
    def parse(*words):
        parser = argparse.ArgumentParser()
        add_sequence_options(parser)
        return parser.parse_args([str(word) for word in words])

    return parse


def test_every_option_reaches_the_source(options_of, monkeypatch, tmp_path, rgbd_folder):
    asked, found = {}, opened(options_of(rgbd_folder))

    def take(path, **given):
        asked.update(given, path=path)
        return found

    monkeypatch.setattr(sequence_options, 'open_sequence', take)
    words = '--topic /a,/b --depth-topic /d --odometry-topic /o --truth-topic /t --gnss-topic /g'
    words += ' --camera 1,2 --calibration c.yaml --start 1 --stop 2 --every 3'
    words += ' --fps 4 --max-frames 5 --rate 6'
    opened(options_of(tmp_path, '--format', 'bag', *words.split()))
    assert asked['topics'] == ('/a', '/b')
    topics = asked['depth_topic'], asked['odometry_topic'], asked['truth_topic']
    assert topics == ('/d', '/o', '/t')
    assert asked['gnss_topic'] == '/g'
    numbers = [asked[each] for each in ('start_s', 'stop_s', 'every', 'fps', 'max_frames')]
    assert numbers == [1, 2, 3, 4, 5]
    assert (asked['layout'], asked['camera'], asked['rate_hz']) == ('bag', (1, 2), 6.0)
    assert asked['calibration'].name == 'c.yaml'
    assert asked['path'] == tmp_path


def test_what_is_of_another_kind_of_input_is_refused(options_of, rgbd_folder):
    assert opened(options_of(rgbd_folder)).num_frames == 10
    with pytest.raises(SourceError, match='topics are of bags'):
        opened(options_of(rgbd_folder, '--topic', '/image'))
