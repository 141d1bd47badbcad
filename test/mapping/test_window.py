from vggt_ros.mapping.window import Window


def test_new_frames_are_those_after_the_overlap(make_frame):
    frames = tuple(make_frame(index) for index in range(5))
    window = Window(frames=frames, num_overlap=2, epoch=0)
    assert window.new_frames == frames[2:]
    assert Window(frames=frames, num_overlap=0, epoch=0).new_frames == frames
