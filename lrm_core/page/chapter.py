"""What every chapter does: records made where they are missing; text, tables, figures, pictures; links to code.

Pictures are images in a row, and one of several objects chosen by its picture or name, as HTML without a script.
"""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
import torch
from IPython.display import HTML, Markdown, display
from jaxtyping import Float
from torch import Tensor

from lrm_core.data_url import data_url
from lrm_core.findings import prose
from lrm_core.findings.figures import WHITE, window
from lrm_core.findings.finding import Finding
from lrm_core.findings.verdicts import experiment_table
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.paths import repository_root
from lrm_core.records.runner import record_all

if TYPE_CHECKING:
    from lrm_core.page.finding_page import Chapter

# Sources other than records, in words.
NOW = "computed while this page was built"
COUNTED = "counted in the architectures"

ONE_ROW = 7  # pictures in one row where it is wide, so that none is left alone
_ROW = "display:grid;gap:0.6rem;margin:0.8rem 0;padding:0;"
_COLUMNS = "grid-template-columns:repeat(auto-fill,minmax(max({width}px,calc(100% / {count} - 0.6rem)),1fr))"
_PICTURE = "width:100%;border-radius:3px;image-rendering:auto"
_SWITCH = """
.lrm-switch{margin:0.6rem 0 1rem}
.lrm-switch>input{position:absolute;opacity:0;pointer-events:none}
.lrm-switch>div:first-of-type{display:grid;gap:0.6rem}
.lrm-switch label{cursor:pointer;padding:0.2rem 0.5rem;border-radius:4px;border:2px solid rgba(128,128,128,0.35)}
.lrm-switch>div>div{display:none}
"""
_CHOSEN = (
    "#{key}-{at}:checked~div>div:nth-child({nth}){{display:block}}"
    "#{key}-{at}:checked~div>label:nth-child({nth}){{border-color:#0072B2}}"
    "#{key}-{at}:focus-visible~div>label:nth-child({nth}){{outline:2px solid #D55E00}}"
)


def make_records(experiment: str, profile: str, refresh: bool, objects: Sequence[str] | None, device: str) -> None:
    """Make the records of an experiment that are missing; progress is not part of the page."""
    with redirect_stdout(sys.stderr):
        record_all(profile, [experiment], refresh, objects=objects, device=device)


def stored_records(experiment: str, profile: str, model: LRM, objects: Iterable[str]) -> pd.DataFrame:
    """Current records of some objects, one row per object and seed."""
    table = experiment_table(experiment, profile, model_hash(model))
    return table[table["object"].isin(objects)].reset_index(drop=True)


def records_beside(chapter: "Chapter", experiment: str, refresh: bool = False) -> pd.DataFrame:
    """Current records of another experiment on the chapter's objects, made where they are missing (or `refresh`)."""
    device = str(next(chapter.model.parameters()).device)
    make_records(experiment, chapter.plan.name, refresh, list(chapter.groups), device)
    return stored_records(experiment, chapter.plan.name, chapter.model, chapter.groups)


def show_text(text: str, *sources: pd.DataFrame | str) -> None:
    """Display Markdown, with where its numbers come from (`origin`) if any of them are ours."""
    display(Markdown(computed(text, origin(*sources)) if sources else text))


def show_html(html: str, *sources: pd.DataFrame | str) -> None:
    """Display HTML, with where its numbers come from (`origin`) if any of them are ours."""
    display(HTML(computed(html, origin(*sources)) if sources else html))


def show_table(table: pd.DataFrame, *sources: pd.DataFrame | str) -> None:
    """Display a table of text, with where its numbers come from (`origin`) if any of them are ours."""
    show_html(prose.table_html(table), *sources)


def show_title(title: str, *sources: pd.DataFrame | str) -> None:
    """Display what the figure below it says."""
    show_html(f'<p class="lrm-figure-title">{escape(title)}</p>', *sources)


def show_figure(
    figure: go.Figure, name: str, caption: str, title: str = "", *sources: pd.DataFrame | str, by: Callable
) -> None:
    """Display a figure under what it says, with its sources, and above how it reads, its data, and `by` what."""
    if title:
        show_title(title, *sources)
    figure.show()
    made = f'<p class="lrm-sources">{function_link(by)}</p>'
    show_html(prose.figure_caption(caption, name, prose.figure_data(figure), made))


def origin(*sources: pd.DataFrame | str) -> str:
    """What computed text rests on, in one sentence that stays true where published numbers stand beside ours.

    Sources are records as `ResultStore.table` gives them, or what they are in words.

    >>> origin(COUNTED, NOW)
    'Numbers of ours here: counted in the architectures; computed while this page was built.'
    """
    said = [source if isinstance(source, str) else of_records(source) for source in sources]
    return f"Numbers of ours here: {'; '.join(said)}."


def of_records(table: pd.DataFrame) -> str:
    """Folders, number of objects, seeds and code revisions of some records; what folders agree in is said once."""
    if table.empty:
        return "no records yet"
    folders = defaultdict(list)
    for name, part in table.groupby(["provenance.profile", "experiment"], sort=False):
        count = part["object"].nunique()
        facts = [f"{count} object{'s' if count > 1 else ''}"]
        for what, column in {"seed": "seed", "code revision": "provenance.revision"}.items():
            different = sorted(part[column].unique())
            facts.append(f"{what}{'s' if len(different) > 1 else ''} {', '.join(map(str, different))}")
        folders[", ".join(facts)].append(f"data/results/{'/'.join(name)}")
    return "; ".join(f"from the records in {', '.join(names)} ({facts})" for facts, names in folders.items())


def computed(content: str, said: str) -> str:
    """Content with what is said of its origin, as HTML that Markdown passes on.

    A mouse shows the title; the style sheet of the pages shows it below the content while that has the focus.
    """
    about = f'role="group" aria-label="Computed" title="{escape(said)}"'
    return f'<div class="lrm-computed" tabindex="0" {about}>\n\n{content}\n\n</div>'


def module_file(finding: Finding) -> Path:
    """Where a finding is declared."""
    return Path(inspect.getsourcefile(import_module(finding.module)))


def function_link(function: Callable, before: str = "") -> str:
    """A link to where a function stands, after some words, as HTML."""
    function = inspect.unwrap(function)  # of its cache
    path, (_, start) = Path(inspect.getsourcefile(function)), inspect.getsourcelines(function)
    name = path.stem if function.__name__ == "run" else function.__name__
    return before + source_link(path, start, name)


def source_link(path: Path, line: int, text: str) -> str:
    """A link to a line of the repository, as HTML."""
    return f'<a href="../{path.relative_to(repository_root()).as_posix()}#L{line}"><code>{text}</code></a>'


def image_row(images: Mapping[str, Float[Tensor, "3 h w"]], described: str, width: int = 132) -> str:
    """Images in [0, 1] by caption, each at least `width` CSS pixels wide; `described` tells screen readers of all."""
    columns = _COLUMNS.format(width=width, count=len(images) if len(images) <= ONE_ROW else 99)
    about = f'tabindex="0" role="group" aria-label="{escape(described)}"'
    return f'<div class="lrm-images" {about} style="{_ROW}{columns}">' + "".join(
        f'<figure style="margin:0"><img style="{_PICTURE}" src="{data_url(image)}" '
        f'alt="{escape(f"{described}: {caption}")}">'
        f'<figcaption style="margin-top:0.2rem">{escape(caption)}</figcaption></figure>'
        for caption, image in images.items()
    ) + "</div>"  # fmt: skip


def cut_to_object(images: Mapping[str, Float[Tensor, "3 h w"]]) -> dict[str, Float[Tensor, "3 s s"]]:
    """The square around what is not white in any of some images of one size."""
    rows, columns = window(torch.stack(list(images.values())).amin((0, 1)) < WHITE)
    return {name: image[:, rows, columns] for name, image in images.items()}


def switch(key: str, panels: Mapping[str, tuple[str, str]], columns: str, described: str) -> str:
    """Labels of which one is chosen, above what belongs to it; `described` tells screen readers what one chooses.

    The key, letters and dashes, is unique on the page. Panels have for each name the HTML inside its label, and that
    which is displayed once it is chosen. The labels stand in columns by their CSS.
    """
    inputs = "".join(
        f'<input type="radio" name="{key}" id="{key}-{at}" aria-label="{escape(name)}"{" checked" if not at else ""}>'
        for at, name in enumerate(panels)
    )
    labels = "".join(f'<label for="{key}-{at}">{label}</label>' for at, (label, _) in enumerate(panels.values()))
    shown = "".join(f"<div>{panel}</div>" for _, panel in panels.values())
    style = _SWITCH + "".join(_CHOSEN.format(key=key, at=at, nth=at + 1) for at in range(len(panels)))
    return (
        f"<style>{style}</style>"
        f'<div class="lrm-switch" role="group" aria-label="{escape(described)}">{inputs}'
        f'<div style="grid-template-columns:{columns}">{labels}</div><div>{shown}</div></div>'
    )
