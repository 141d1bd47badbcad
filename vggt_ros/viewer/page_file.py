"""Page file: what a page shows as one HTML file that needs no server and no network."""

from __future__ import annotations

from typing import Any


def page_file(server: Any) -> bytes:
    """Return the scene of a `viser.ViserServer` with the program that draws it, as HTML.

    It can be turned, but has no panel: what is hidden now stays hidden.
    """
    html: str = server.scene.as_html(dark_mode=True)
    return html.encode('utf-8')
