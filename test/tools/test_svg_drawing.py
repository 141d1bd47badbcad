from xml.etree import ElementTree

import pytest

from tools.svg_drawing import Drawing, FONT_PX, text_width


@pytest.fixture
def page():
    return Drawing(200, 100, 'A <page>')


def parts(page, name):
    return ElementTree.fromstring(page.svg()).findall(f'{{http://www.w3.org/2000/svg}}{name}')


def test_a_drawing_is_xml_with_a_title(page):
    assert [each.text for each in parts(page, 'title')] == ['A <page>']


def test_a_box_has_its_lines_centered_one_below_the_other(page):
    page.box(20, 10, 160, 60, 'one\ntwo')
    one, two = parts(page, 'text')
    assert (one.text, two.text) == ('one', 'two')
    assert float(one.get('x')) == float(two.get('x')) == 100
    assert FONT_PX < float(two.get('y')) - float(one.get('y')) < 2 * FONT_PX


@pytest.mark.parametrize(('width', 'height'), [(40, 60), (160, 20)])
def test_text_that_does_not_fit_into_its_box_is_refused(page, width, height):
    with pytest.raises(ValueError, match='fit'):
        page.box(10, 10, width, height, 'a long line\nanother')


@pytest.mark.parametrize(
    ('x', 'y', 'anchor'), [(190, 50, 'start'), (10, 50, 'end'), (50, 5, 'middle')]
)
def test_text_that_leaves_the_page_is_refused(page, x, y, anchor):
    with pytest.raises(ValueError, match='leaves the page'):
        page.text(x, y, 'some words', anchor=anchor)


def test_an_arrow_ends_with_its_tip_at_the_last_point(page):
    page.arrow((10, 50), (110, 50))
    (head,) = parts(page, 'polygon')
    tip, *others = [tuple(map(float, each.split(','))) for each in head.get('points').split()]
    assert tip == (110, 50)
    assert all(x < 110 for x, _ in others)


def test_longer_text_is_wider():
    assert text_width('abc') < text_width('abcd')
