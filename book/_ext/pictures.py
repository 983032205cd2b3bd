"""Pictures of the conventions, drawn as SVG from the definitions in `lrm_core`: the directive {picture}.

Colours come from the style sheet, so that a picture follows the theme.
"""

import math
from collections.abc import Callable

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lrm_core.measure.e05_residual_spectrum import BANDS
from lrm_core.model.initialise import DISTANCE
from lrm_core.objects.dataset import SHELL_DISTANCE
from lrm_core.objects.procedural import BOUND
from lrm_core.render.cameras import FOCAL, canonical_pose
from lrm_core.spectral.bands import PUBLISHED_EDGES, band_masks

REGIONS = (*BANDS, "corner")


def cameras() -> str:
    """The world from above: box, object, source camera, shell of the other cameras."""
    scale, centre = 60, 180

    def at(x: float, y: float) -> tuple[float, float]:
        return centre + scale * x, centre - scale * y

    x, y = canonical_pose(DISTANCE)[:2, 3].tolist()
    azimuths = [math.radians(angle) for angle in range(-50, 260, 52)]
    middle = sum(SHELL_DISTANCE) / 2
    others = [(middle * math.cos(angle), middle * math.sin(angle)) for angle in azimuths]
    left, top = at(-1, 1)
    parts = [
        *(f'<circle class="faint" cx="{centre}" cy="{centre}" r="{scale * radius}"/>' for radius in SHELL_DISTANCE),
        f'<rect class="line" x="{left}" y="{top}" width="{2 * scale}" height="{2 * scale}"/>',
        f'<circle class="soft" cx="{centre}" cy="{centre}" r="{BOUND * scale}"/>',
        _arrow(at(0, 0), at(0.8, 0)),
        _arrow(at(0, 0), at(0, 0.8)),
        _text("x", *at(0.88, -0.06)),
        _text("y", *at(0.07, 0.84)),
        _text("box [−1, 1]³", *at(-0.96, 1.06)),
        *(_camera(at(*place), at(0, 0), "line") for place in others),
        _camera(at(x, y), at(0, 0), "accent-line"),
        _text("view 0, the source", *at(0.22, -2.08)),
    ]
    return _svg(360, 360, parts)


def planes() -> str:
    """Which coordinates each plane reads, with one point of the world marked on all three."""
    side, point = 100, {"x": 0.5, "y": -0.3, "z": 0.2}
    parts = []
    for number, (column, row) in enumerate((("x", "y"), ("x", "z"), ("z", "y"))):
        left, top = 14 + number * (side + 20), 34
        across, down = ((point[axis] + 1) / 2 * side for axis in (column, row))
        parts += [
            f'<rect class="line" x="{left}" y="{top}" width="{side}" height="{side}"/>',
            *_grid(left, top, side),
            _text(f"plane {number}", left, 16),
            _arrow((left, top - 6), (left + 34, top - 6)),
            _text(column, left + 40, top - 3),
            _arrow((left - 6, top), (left - 6, top + 34)),
            _text(row, left - 10, top + 47),
            f'<circle class="accent" cx="{left + across}" cy="{top + down}" r="5"/>',
        ]
    return _svg(370, 142, parts)


def bands() -> str:
    """The modes of a 32 x 32 plane, one square each, in the colour of their band."""
    size = 32
    masks = band_masks(size, [*PUBLISHED_EDGES, math.inf]).roll((size // 2, size // 2), (-2, -1))
    parts = [
        f'<rect class="band-{REGIONS[band]}" x="{20 + 9 * column}" y="{8 + 9 * row}" width="8" height="8"/>'
        for band, row, column in masks.nonzero().tolist()
    ]
    shares = masks.double().mean((-2, -1)).tolist()
    for number, (name, share) in enumerate(zip(REGIONS, shares, strict=True)):
        left = 14 + 80 * number
        parts.append(f'<rect class="band-{name}" x="{left}" y="308" width="10" height="10"/>')
        parts.append(_text(f"{name} {100 * share:.1f}%", left + 13, 317))
    return _svg(360, 330, parts)


def units() -> str:
    """The frequency axis in its three units."""
    left, width, rows = (
        20,
        220,
        (("× Nyquist", 1, 34), ("cycles per pixel", 0.5, 98), ("cycles per plane, R = 32", 16, 146)),
    )
    parts = [f'<path class="line" d="M{left} 48h{width * math.sqrt(2):.1f}"/>']
    for radius in (*PUBLISHED_EDGES, 0.6, math.sqrt(2)):
        x = left + width * radius
        parts.append(f'<path class="line" d="M{x:.1f} 42v12"/>')
        parts += [_text(f"{factor * radius:.3g}", x, y, "middle") for _, factor, y in rows]
    return _svg(360, 152, [*parts, *(_text(label, left - 4, y - 20, style="note") for label, _, y in rows)])


def _text(text: str, x: float, y: float, anchor: str = "start", style: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _grid(left: float, top: float, side: float, cells: int = 8) -> list[str]:
    steps = [side * step / cells for step in range(1, cells)]
    return [f'<path class="faint" d="M{left + step} {top}v{side}M{left} {top + step}h{side}"/>' for step in steps]


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    wings = [(end[0] - 6 * math.cos(angle + turn), end[1] - 6 * math.sin(angle + turn)) for turn in (0.5, -0.5)]
    head = "".join(f"M{end[0]:.1f} {end[1]:.1f}L{x:.1f} {y:.1f}" for x, y in wings)
    return f'<path class="line" d="M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}{head}"/>'


def _camera(place: tuple[float, float], target: tuple[float, float], style: str) -> str:
    """A triangle that opens towards what the camera sees, by its focal length."""
    angle = math.atan2(target[1] - place[1], target[0] - place[0])
    half = math.atan(0.5 / FOCAL)
    corners = [
        (place[0] + 26 * math.cos(angle + turn), place[1] + 26 * math.sin(angle + turn)) for turn in (half, -half)
    ]
    path = "".join(f"L{x:.1f} {y:.1f}" for x, y in corners)
    return f'<path class="{style}" d="M{place[0]:.1f} {place[1]:.1f}{path}Z"/>'


def _svg(width: int, height: int, parts: list[str]) -> str:
    return f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'


PICTURES: dict[str, Callable[[], str]] = {function.__name__: function for function in (cameras, planes, bands, units)}


class Picture(SphinxDirective):
    """A picture by name, with its alternative text, and its caption as content."""

    required_arguments = 1
    has_content = True
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012  docutils' own interface

    def run(self) -> list[nodes.Node]:
        """A figure: the drawing as inline SVG, then the caption."""
        drawing = PICTURES[self.arguments[0]]()
        svg = drawing.replace("<svg ", f'<svg role="img" aria-label="{self.options["alt"]}" ', 1)
        start = nodes.raw("", f'<figure class="lrm-picture">{svg}<figcaption>', format="html")
        caption = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, caption)
        return [start, *caption.children, nodes.raw("", "</figcaption></figure>", format="html")]


def setup(app: Sphinx) -> dict:
    """Register the directive."""
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True}
