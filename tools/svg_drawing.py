"""Drawing: boxes, lines and words as SVG, in one style for all pages of the documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

# Okabe and Ito's palette, which color-blind readers can tell apart.
BLUE, ORANGE, GREEN, RED = '#0072b2', '#e69f00', '#009e73', '#d55e00'
INK, GRAY, PAPER = '#222222', '#767676', '#ffffff'
FONT_PX = 14
# Mean width of a letter of a sans-serif font, in parts of its size; wide enough for most.
_LETTER = 0.56
_LINE = 1.3


@dataclass(slots=True)
class Drawing:
    """A drawing of a size in px; x to the right, y down.

    Attributes:
        width: Of the page, px.
        height: Of the page, px.
        title: What it shows, for those who cannot see it.
    """

    width: int
    height: int
    title: str
    _parts: list[str] = field(default_factory=list)

    def box(
        self, x: float, y: float, width: float, height: float, text: str = '', color: str = BLUE
    ) -> None:
        """Draw a rounded box with centered lines of text; `x, y` is its upper left corner.

        Raises:
            ValueError: The text is wider or higher than the box.
        """
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="{color}" fill-opacity="0.12" stroke="{color}" stroke-width="1.5"/>'
        )
        lines = text.split('\n') if text else []
        if len(lines) * FONT_PX * _LINE > height:
            raise ValueError(f'{len(lines)} lines do not fit into a box {height:g} px high')
        for line in lines:
            if text_width(line) > width - 6:
                raise ValueError(f'{line!r} does not fit into a box {width:g} px wide')
        middle = y + height / 2 - (len(lines) - 1) * FONT_PX * _LINE / 2
        for i, line in enumerate(lines):
            baseline = middle + i * FONT_PX * _LINE + 0.35 * FONT_PX
            self.text(x + width / 2, baseline, line, anchor='middle')

    def text(
        self, x: float, y: float, text: str, *, anchor: str = 'start', color: str = INK
    ) -> None:
        """Write one line; `x, y` is its start, middle or end on the baseline.

        Raises:
            ValueError: It leaves the page.
        """
        before = {'start': 0.0, 'middle': 0.5, 'end': 1.0}[anchor] * text_width(text)
        left, right = x - before, x - before + text_width(text)
        if left < 0 or right > self.width or not FONT_PX <= y <= self.height - 4:
            raise ValueError(f'{text!r} at ({x:g}, {y:g}) leaves the page')
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{color}">'
            f'{escape(text)}</text>'
        )

    def arrow(
        self, *points: tuple[float, float], color: str = INK, is_dashed: bool = False
    ) -> None:
        """Draw a line through points with a head at the last one."""
        self.line(*points, color=color, is_dashed=is_dashed)
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        u, v = (x1 - x0) / length, (y1 - y0) / length
        corners = [(x1, y1)]
        corners += [(x1 - 9 * u - side * 4.5 * v, y1 - 9 * v + side * 4.5 * u) for side in (1, -1)]
        shape = ' '.join(f'{x:.4g},{y:.4g}' for x, y in corners)
        self._parts.append(f'<polygon points="{shape}" fill="{color}"/>')

    def line(
        self,
        *points: tuple[float, float],
        color: str = INK,
        is_dashed: bool = False,
        width: float = 1.5,
    ) -> None:
        """Draw a line through points."""
        shape = ' '.join(f'{x:g},{y:g}' for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if is_dashed else ''
        self._parts.append(
            f'<polyline points="{shape}" fill="none" stroke="{color}" '
            f'stroke-width="{width:g}"{dashes}/>'
        )

    def dot(self, x: float, y: float, color: str = BLUE, radius: float = 5) -> None:
        """Draw a filled circle."""
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{color}"/>')

    def svg(self) -> str:
        """Return the drawing as the text of a file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" '
            f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="{FONT_PX}">\n'
            f'<title>{escape(self.title)}</title>\n'
            f'<rect width="{self.width}" height="{self.height}" fill="{PAPER}"/>\n'
        )
        return head + '\n'.join(self._parts) + '\n</svg>\n'


def text_width(text: str) -> float:
    """Return about how wide a line is, px."""
    return _LETTER * FONT_PX * len(text)
