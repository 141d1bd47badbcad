from benchmarks.long_life import walked_again
from benchmarks.long_recording import mapped


def test_every_frame_of_a_recording_is_counted_and_has_a_pose():
    course = walked_again(120, 160, seed=0).with_pictures(width=32, height=24, image_scale=2)
    lines = mapped(course, 2)
    assert [line['frames'] for line in lines] == [80, 160, 160]
    assert lines[-1]['coverage'] > 0.9
    assert 0 < lines[0]['keyframes'] < lines[1]['keyframes'] <= lines[-1]['keyframes']
    assert all(line['resident_mb'] > 0 for line in lines)
