from vggt_ros.evaluation.frame_sample import FrameSample


def test_a_short_stream_is_kept_whole(make_frame):
    sample = FrameSample(8)
    frames = [make_frame(index) for index in range(8)]
    for frame in frames:
        sample.add(frame)
    assert sample.frames() == tuple(frames)


def test_a_long_stream_is_thinned_evenly_and_stays_bounded(make_frame):
    sample = FrameSample(8)
    frames = [make_frame(index) for index in range(100)]
    for frame in frames:
        sample.add(frame)
        assert len(sample.frames()) <= 8
    kept = [frames.index(frame) for frame in sample.frames()]
    assert kept == list(range(0, 100, 16))
