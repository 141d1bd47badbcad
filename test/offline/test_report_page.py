from html.parser import HTMLParser
import re

import cv2
import numpy as np

from vggt_ros.offline.report_page import summary_of, write_report


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text = [], [], ''

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ('src', 'href')]

    def handle_data(self, data):
        self.text += data


def page_of(record, tmp_path):
    cv2.imwrite(str(tmp_path / 'overview.png'), np.zeros((4, 4, 3), np.uint8))
    write_report(tmp_path / 'report.html', record, [tmp_path / 'overview.png'])
    page = Tags()
    page.feed((tmp_path / 'report.html').read_text())
    return page


def test_the_page_is_one_file_that_loads_nothing(record, tmp_path):
    page = page_of(record, tmp_path)
    assert 'script' not in page.tags
    assert 'link' not in page.tags
    assert len(page.links) == 1
    assert page.links[0].startswith('data:image/png;base64,')
    assert not re.search(r'https?://', (tmp_path / 'report.html').read_text())


def test_the_page_has_the_numbers_and_the_command_as_it_was_typed(record, tmp_path):
    page = page_of(record, tmp_path)
    assert 'vggt_ros map a <b>' in page.text
    assert 'ab' * 32 in page.text
    assert 'ATE of frames, Sim(3)' in page.text
    assert 'ATE of frames, SE(3)' not in page.text, 'a map without meters has no such error'
    assert 'nothing gave metric scale' in page.text
    assert 'window.size' in page.text


def test_the_summary_puts_the_error_beside_what_it_is_held_against(record):
    told = summary_of(record)
    assert '25 frames, 100 % of them with a pose' in told
    assert 'all cameras in one place' in told
    assert 'Sim(3)' not in summary_of(record | {'errors': None})


def test_the_page_says_what_came_of_satellites(record, tmp_path):
    assert 'positions of satellitesnone' in page_of(record, tmp_path).text
    of_map = {
        'positions': {
            'method': 'adjusted',
            'why': '',
            'num_positions': 12,
            'num_outliers': 3,
            'residual_before_m': 1.5,
            'residual_after_m': 0.25,
        }
    }
    page = page_of(record | {'map': record['map'] | of_map}, tmp_path)
    assert 'adjusted to 12 keyframes, 3 of them outliers, median distance 1.5 m to' in page.text


def test_a_metric_map_is_held_to_its_scale(record, tmp_path):
    scale = {'is_metric': True, 'meters_per_unit': 1.0, 'log_sigma': 0.02, 'source': 'depth'}
    page = page_of(record | {'scale': scale}, tmp_path)
    assert 'ATE of frames, SE(3)' in page.text
    assert 'metric, sigma 2.0 %, from depth' in page.text
