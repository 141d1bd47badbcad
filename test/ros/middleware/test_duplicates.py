from vggt_ros.ros.middleware.duplicates import Duplicates


def test_what_came_over_one_subscription_is_not_taken_from_the_other():
    seen = Duplicates()
    heard = [(1, 'a'), (1, 'b'), (2, 'b'), (2, 'a'), (3, 'a')]
    assert [seen.is_duplicate(*each) for each in heard] == [False, True, False, True, False]


def test_what_was_sent_twice_is_no_duplicate():
    seen = Duplicates()
    assert not seen.is_duplicate(1, 'a')
    assert not seen.is_duplicate(1, 'a')


def test_memory_is_bounded():
    seen = Duplicates()
    for number in range(5000):
        seen.is_duplicate(number, 'a')
    assert len(seen._sources) < 1000
    assert seen.is_duplicate(4999, 'b')


def test_a_stamp_that_stands_still_is_taken_from_who_comes_after():
    seen = Duplicates()
    assert not seen.is_duplicate(0, 'a')
    assert seen.is_duplicate(0, 'b')
    seen.forget('a')
    assert not seen.is_duplicate(0, 'b')
