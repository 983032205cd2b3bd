"""Whether a notebook is worked with or run unattended, and what it shows in either case."""

from collections.abc import Callable

from IPython import get_ipython
from IPython.display import display

from lrm_core.page import chapter as page
from lrm_core.page.finding_page import Chapter
from lrm_core.page.widgets.bench import Bench
from lrm_core.page.widgets.subject import Setting

INVITATION = "`make lab`: sliders here."


def is_live() -> bool:
    """Whether a person at a front end runs the cell.

    The request that runs a cell says whether it may ask for input (`allow_stdin` of `execute_request` in Jupyter's
    messaging protocol). JupyterLab, Notebook and VS Code allow it, since somebody is there to answer; nbclient does
    not, which runs the notebooks for papermill, for nbconvert and so for the pages. Outside a kernel nobody is there.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


def show_bench(make: Callable[[Setting], Bench], chapter: Chapter) -> None:
    """Display a bench on the chapter's object, or the sentence that says how to open it where nobody is there."""
    if not is_live():
        page.show_text(INVITATION)
        return
    bench = make(Setting.of(chapter))
    display(bench)
    bench.refresh()
