"""A gallery of contact sheets: pick object and view, wipe between two methods; works in the page without a kernel."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from lrm_core.evidence.finetuning import EVALUATION_VIEWS
from lrm_core.objects.contact_sheets import SheetStore, contact_sheet
from lrm_core.show.arm_pictures import PICTURED, arm_sheet, untouched_sheet, validation_examples
from lrm_core.show.repair.arm_labels import label
from lrm_core.show.repair.arm_study import ArmStudy

ALL = "all"
_MIME = "image/webp"


def gallery_html(
    objects: Sequence[str], views: Sequence[int], sheets: Mapping[str, bytes | None], name: str = "gallery"
) -> str:
    """Every object by every method in every view; a picker shows one object, and all views or one.

    Where one view is picked, two methods lie one over the other with a slider between them. Without scripts all
    objects are shown. What is picked stands in the address, so that it can be linked.

    Args:
        objects: of the rows of every sheet.
        views: of the columns of every sheet.
        sheets: of each method by its name, as WebP; None where there is none, which is said.
        name: of the gallery in the address; plain letters.

    Raises:
        ValueError: if there are no objects or no views.
    """
    if not objects or not views:
        raise ValueError(f"expected objects and views, found {len(objects)} and {len(views)}")
    sections = "".join(_section(row, objects, views, sheets) for row in range(len(objects)))
    return (
        f'<div class="lrm-gallery" data-name="{escape(name)}" role="group" aria-label="Gallery of renders" '
        f'style="--columns:{len(views)};--rows:{len(objects)}"><style>{_style(sheets)}</style>'
        f"{_picker(objects, views)}{sections}{_comparison(sheets)}<script>{_asset('gallery.js')}</script></div>"
    )


def _style(sheets: Mapping[str, bytes | None]) -> str:
    """The common look, and every sheet once."""
    pictures = (
        f".lrm-gallery .sheet{number}{{background-image:url(data:{_MIME};base64,{base64.b64encode(sheet).decode()})}}"
        for number, sheet in enumerate(sheets.values())
        if sheet is not None
    )
    return _asset("gallery.css") + "\n".join(pictures)


def _picker(objects: Sequence[str], views: Sequence[int]) -> str:
    """Lists of objects and views; hidden until the script is there to serve them."""
    return (
        '<form class="picker" hidden>'
        f"<label>Object <select name=object>{_options({name: name for name in objects})}</select></label>"
        '<button type="button" value="-1" aria-label="Previous object">←</button>'
        '<button type="button" value="1" aria-label="Next object">→</button>'
        f"<label>View <select name=view>{_options({ALL: 'all views'} | {str(v): f'view {v}' for v in views})}"
        "</select></label></form>"
    )


def _comparison(sheets: Mapping[str, bytes | None]) -> str:
    """Two methods one over the other, the second cut off at the slider; nothing where fewer have pictures."""
    methods = {str(number): name for number, (name, sheet) in enumerate(sheets.items()) if sheet is not None}
    if len(methods) < 2:
        return ""
    first, *_, last = methods
    return (
        '<form class="compare" hidden><div class="stack" role="img"><span></span><span></span></div><div>'
        f"<label>Left <select name=left>{_options(methods, first)}</select></label>"
        f"<label>Right <select name=right>{_options(methods, last)}</select></label>"
        '<label>Left shown, % <input type="range" name="cut" min="0" max="100" value="50"></label>'
        '<button type="button">Flip</button></div></form>'
    )


def _options(labels: Mapping[str, str], chosen: str | None = None) -> str:
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(label)}</option>'
        for value, label in labels.items()
    )


def _section(
    row: int, objects: Sequence[str], views: Sequence[int], sheets: Mapping[str, bytes | None]
) -> str:
    """One object: a line for each method."""
    lines = "".join(
        f'<div class="method"><p>{escape(method)}</p>{_cells(number, method, row, objects, views, sheet)}</div>'
        for number, (method, sheet) in enumerate(sheets.items())
    )
    name = escape(objects[row])
    return f'<section data-object="{name}"><p class="object">{name}</p>{lines}</section>'


def _cells(
    number: int, method: str, row: int, objects: Sequence[str], views: Sequence[int], sheet: bytes | None
) -> str:
    """The pictures of one object by one method, cut out of the sheet by their place on it."""
    if sheet is None:
        return '<p class="absent">no pictures of this arm here yet</p>'
    return '<div class="cells">' + "".join(
        f'<span class="sheet{number}" role="img" data-view="{view}" '
        f'aria-label="{escape(f"{objects[row]}, view {view}: {method}", quote=True)}" '
        f'style="background-position:{_place(column, len(views))} {_place(row, len(objects))}"></span>'
        for column, view in enumerate(views)
    ) + "</div>"  # fmt: skip


def _place(index: int, count: int) -> str:
    return f"{100 * index / max(count - 1, 1):.6g}%"


def _asset(name: str) -> str:
    return (files("lrm_core.show") / "assets" / name).read_text(encoding="utf-8")


def arms_gallery(study: ArmStudy, arms: Sequence[str] = PICTURED) -> str:
    """The truth, the untouched model and seed 0 of each arm, on every validation object, as HTML.

    Where neither pictures nor weights of an arm are on this machine, its line says so.
    """
    first = {arm: study.record(arm, 0) for arm in arms}
    known = next((record for record in first.values() if record is not None), None)
    if known is None:
        return "<p>No arm of this gallery has been measured yet.</p>"
    sheets, examples = SheetStore(), validation_examples(study.recorder, known)
    lines: dict[str, bytes | None] = {
        "the truth": contact_sheet([example.views.images for example in examples]),
        "untouched": untouched_sheet(study.recorder, known, sheets),
    }
    for arm, record in first.items():
        lines[label(arm)] = None if record is None else arm_sheet(study.recorder, record, sheets)
    return gallery_html([example.name for example in examples], EVALUATION_VIEWS, lines)
