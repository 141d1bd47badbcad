from hypothesis import given, strategies
import pytest

from vggt_ros.ros.middleware.offers import FIRST, Offer, requests_for

LEAST = Offer(is_reliable=False, is_latched=False)
RELIABLE = Offer(is_reliable=True, is_latched=False)
LATCHED = Offer(is_reliable=True, is_latched=True)
OFFERS = strategies.builds(
    Offer, is_reliable=strategies.booleans(), is_latched=strategies.booleans()
)


def matches(asked, offered):
    return asked.is_reliable <= offered.is_reliable and asked.is_latched <= offered.is_latched


@given(strategies.lists(OFFERS), strategies.lists(OFFERS))
def test_every_publisher_is_heard_with_all_that_it_offers(offers, current):
    asked = requests_for(offers, current, 'auto', 'auto')
    assert asked
    for offered in offers:
        assert offered in asked
    assert all(any(matches(each, offered) for offered in offers) for each in asked if offers)


def test_while_nobody_is_known_most_publishers_would_be_heard():
    assert requests_for([], [], 'auto', 'auto') == {FIRST} == {RELIABLE}
    assert requests_for([], [], 'best_effort', 'auto') == {LEAST}


def test_what_was_asked_of_a_publisher_that_went_is_asked_of_the_one_that_comes():
    assert requests_for([], [LATCHED], 'auto', 'auto') == {LATCHED}
    assert requests_for([RELIABLE], [LATCHED], 'auto', 'auto') == {RELIABLE}


@pytest.mark.parametrize(
    ('reliability', 'durability', 'expected'),
    [
        ('best_effort', 'volatile', {LEAST}),
        ('reliable', 'volatile', {RELIABLE}),
        ('reliable', 'transient_local', {LATCHED}),
        ('reliable', 'auto', {RELIABLE, LATCHED}),
        ('auto', 'volatile', {LEAST, RELIABLE}),
    ],
)
def test_what_the_user_chose_is_asked_of_all(reliability, durability, expected):
    assert requests_for([LEAST, LATCHED], [], reliability, durability) == expected
