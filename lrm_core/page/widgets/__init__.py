"""Sliders of JupyterLab: the functions of a chapter's cells, by the live kernel on the full-precision model.

They need the kernel, so that a built page has one sentence in their place.
"""

from collections.abc import Callable, Sequence

from IPython import get_ipython
from IPython.display import display

from lrm_core.page import chapter as page
from lrm_core.page.finding_page import Chapter
from lrm_core.page.widgets.bench import Bench, Ranges
from lrm_core.page.widgets.subject import Subject, subject_of

__all__ = ["INVITATION", "Bench", "Subject", "is_live", "show_sliders", "subject_of"]
INVITATION = "`make lab`: sliders here."


def show_sliders(chapter: Chapter, functions: Sequence[Callable], sliders: Ranges) -> None:
    """Display a `Bench` where somebody is there to move its sliders, else the sentence that says how to have them."""
    if not is_live():
        page.show_text(INVITATION)
        return
    bench = Bench(chapter, functions, sliders)
    display(bench)
    bench.refresh()


def is_live() -> bool:
    """Whether a person at a front end runs the cell.

    The request that runs a cell says whether it may ask for input (`allow_stdin` of `execute_request` in Jupyter's
    messaging protocol). JupyterLab, Notebook and VS Code allow it, since somebody is there to answer; nbclient does
    not, which runs the notebooks for papermill, for nbconvert and so for the pages. Outside a kernel nobody is there.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin"))
