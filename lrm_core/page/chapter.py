"""What every chapter does: records made where they are missing; text, tables and figures displayed, code linked."""

import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML, Markdown, display

from lrm_core.findings import prose
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
