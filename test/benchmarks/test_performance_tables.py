from benchmarks.performance_plot import draw_performance
from benchmarks.performance_tables import performance_tables

STREAMING = {
    'throughput_ratio': 1.961,
    'latency_ratio': 0.443,
    'largest_difference': 4.2e-07,
    'network': 'width384',
    'machine': 'a machine',
    'precision': 'fp32',
    'is_compiled': False,
    'has_equal_products': False,
    'image_size': [140, 182],
    'overlap': 4,
    'plain_s': 2.395,
    'streaming_latency_s': 1.061,
    'plain_frames_per_s': 1.67,
    'streaming_frames_per_s': 3.28,
    'plain_gb': 1.45,
    'streaming_gb': 1.37,
}
NODE = {
    'latency_p95_over_window': 1.84,
    'camera_hz': 30.0,
    'window_s': 0.5,
    'latency_p50_s': 0.71,
    'latency_p95_s': 0.92,
    'clouds_per_s': 8.0,
    'frames_in': 600,
    'frames_used': 160,
    'drops': {'late': 430, 'not_keyframe': 10},
    'windows_without_overlap': 0,
}


def test_every_table_starts_with_the_ratio_and_names_the_machine():
    text = performance_tables({'streaming': [STREAMING], 'node': [NODE], 'messages': []})
    assert 'a machine.' in text
    assert '| 1.96x | 0.44 | width384 | 182 x 140 | fp32 | as published | 4 |' in text
    assert '| 1.84 | 30 | 0.50 |' in text
    assert 'late 430, not_keyframe 10' in text
    assert 'Building messages' not in text


def test_what_failed_is_left_out():
    assert performance_tables({'streaming': [{'failed': 'it ended'}]}) == ''


def test_the_picture_is_drawn_even_of_a_part(tmp_path):
    for name, results in {'both': {'streaming': [STREAMING], 'node': [NODE]}, 'none': {}}.items():
        path = tmp_path / f'{name}.png'
        draw_performance(results, path)
        assert path.read_bytes().startswith(b'\x89PNG')
