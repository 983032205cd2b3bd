"""The film of the chapter on test-time optimisation: one view on its way, over the curve of LPIPS (claim C9)."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import pandas as pd

from lrm_core.data_url import data_url
from lrm_core.findings.c09 import COLOURS as KEYS
from lrm_core.findings.c09 import LONGER, WORDS
from lrm_core.findings.figures import window
from lrm_core.findings.prose import percent
from lrm_core.measure.e12_test_time import SPACES
from lrm_core.measure.oracles import split_views
from lrm_core.objects.contact_sheets import picture_at
from lrm_core.page.chapter import switch
from lrm_core.page.elements.style import COLOURS
from lrm_core.page.finding_page import Chapter
from lrm_core.records.runner import load_item

FRAMES = (0, 100, 500, 1000)  # steps that are shown besides the last one
HIGH, TOP, BELOW = 196, 22, 24  # pixels of the curves with the room above and below them
LEAST = 25  # percent between two lines of the grid


def film(chapter: Chapter) -> tuple[str, pd.DataFrame]:
    """Frames and curves of every object whose fit went on, one at a time; and all that was measured on the way."""
    measured = chapter.table[chapter.table[f"{LONGER}.planes.film"].notna()]
    panels, data = {}, []
    for _, row in measured.iterrows():
        name = row["object"]
        panels[name] = (escape(name.removeprefix("cc0_")), _strip(chapter, row))
        for space in SPACES:
            path = {key: row[f"{LONGER}.{space}.path.{key}"] for key in ("step", "l1", "lpips", "train_l1")}
            data.append(pd.DataFrame({"object": name, "space": space} | path))
    columns = "repeat(auto-fit,minmax(9rem,max-content))"
    return switch("lrm-film", panels, columns, "Object"), pd.concat(data, ignore_index=True)


def _strip(chapter: Chapter, row: Mapping[str, Any]) -> str:
    """One object: the same view at some steps with the truth, and under it the change of LPIPS at these steps."""
    item = load_item(chapter.plan, chapter.plan.object_folder(row["object"]))
    at = split_views(item)[1][0]
    square = window(item.masks[at, 0] > 0)
    steps = row[f"{LONGER}.planes.path.step"]
    places = [at for at, step in enumerate(steps) if step in FRAMES or at == len(steps) - 1]
    film = [base64.b64decode(address.partition(",")[2]) for address in row[f"{LONGER}.planes.film"]]
    shown = [(f"step {steps[at]:,}", picture_at(film[at])) for at in places] + [("truth", item.images[at])]
    frames = "".join(
        f'<figure style="margin:0;text-align:center"><img src="{data_url(image[:, *square])}" style="width:100%" '
        f'alt="{escape(row["object"])}, a held-out view, {words}">'
        f'<figcaption style="padding:0;font-size:0.8rem;text-align:center">{words}</figcaption></figure>'
        for words, image in shown
    )
    curves = {
        space: [row[f"{LONGER}.{space}.path.lpips"][at] / row[f"{LONGER}.{space}.path.lpips"][0] - 1 for at in places]
        for space in SPACES
    }  # fmt: skip
    return (
        f'<div style="display:grid;gap:0.4rem;grid-template-columns:repeat({len(shown)},minmax(0,1fr))">{frames}'
        f'<div style="grid-column:1/{len(shown)}">{_chart(curves)}</div></div>'
    )


def _chart(curves: Mapping[str, Sequence[float]]) -> str:
    """Curves as SVG with a point under the middle of each frame, as wide as the frames are."""
    count = len(next(iter(curves.values())))
    lowest = min(-0.01, *(min(of) for of in curves.values()))
    highest = max(0.0, *(max(of) for of in curves.values()))

    def down(change: float) -> float:
        return round(TOP + (HIGH - TOP - BELOW) * (highest - change) / (highest - lowest), 1)

    drawn = []
    for level in range(0, int(100 * lowest) - 1, -LEAST):
        y, words = down(level / 100), percent(level / 100) if level else "LPIPS at the start"
        drawn.append(f'<line x1="0" x2="100%" y1="{y}" y2="{y}" stroke="rgba(128,128,128,0.35)"/>')
        drawn.append(f'<text x="2" y="{y - 5}" font-size="12">{words}</text>')
    downwards = sorted(curves, key=lambda space: -curves[space][-1])
    for space, changes in curves.items():
        places = [(f"{100 * (at + 0.5) / count:.2f}%", down(change)) for at, change in enumerate(changes)]
        colour, (x, y) = COLOURS[KEYS[space]], places[-1]
        drawn += [
            f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" stroke="{colour}" stroke-width="3"/>'
            for (x, y), (to_x, to_y) in pairwise(places)
        ]
        drawn += [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in places]
        look = f'dx="8" fill="{colour}" font-size="12" font-weight="600"'
        aside = -4 if space == downwards[0] else 16  # pixels: above the upper curve, below the next
        drawn.append(f'<text x="{x}" y="{y + aside}" {look}>{WORDS[space]}: {percent(changes[-1])}</text>')
    said = "; ".join(f"{WORDS[space]} {', '.join(map(percent, of))}" for space, of in curves.items())
    return (
        f'<svg width="100%" height="{HIGH}" style="overflow:visible" font-size="13" fill="currentColor" role="img" '
        f'aria-label="Change of LPIPS under each frame: {said}">{"".join(drawn)}</svg>'
    )
