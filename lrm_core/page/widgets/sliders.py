"""Sliders of JupyterLab that call the functions of a chapter's own cells on any object, model or folder."""

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import ipywidgets as widgets
import pandas as pd
import torch
from IPython import get_ipython
from IPython.display import display
from torch import Tensor

from lrm_core.findings.prose import number, table_html
from lrm_core.page import chapter as page
from lrm_core.page.elements.pictures import image_row
from lrm_core.page.finding_page import Chapter
from lrm_core.page.widgets.bench import ENTRY, Bench
from lrm_core.page.widgets.subject import Subject

INVITATION = "`make lab`: sliders here."
STEP = 0.01
OF_THE_ORACLE = {"residual", "scene", "T_ref"}  # attributes of `Subject`
Ranges = Mapping[str, tuple[float, float]]


def show_sliders(chapter: Chapter, functions: Sequence[Callable], sliders: Ranges) -> None:
    """Display the sliders where somebody is there to move them, else the sentence that says how to have them."""
    if not is_live():
        page.show_text(INVITATION)
        return
    bench = sliders_bench(chapter, functions, sliders)
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


def sliders_bench(chapter: Chapter, functions: Sequence[Callable], sliders: Ranges) -> Bench:
    """A bench with a slider for each name, and a button that sets all back to the functions' own defaults.

    Args:
        functions: of a chapter; their parameters are named as sliders or as attributes of `Subject`. What they
            return is displayed by name: numbers as a row of a table, images (views, 3, H, W) as pictures.
        sliders: least and greatest value of each.

    Raises:
        ValueError: if a function asks for something else, or no function gives a slider its first value.
    """
    starts, asked = {}, {name for function in functions for name in signature(function).parameters}
    for function in functions:
        for name, parameter in signature(function).parameters.items():
            if name in sliders:
                starts.setdefault(name, parameter.default)
            elif not hasattr(Subject, name) and name not in Subject.__dataclass_fields__:
                raise ValueError(f"{function.__name__}: no slider and nothing of an object is named {name!r}")
    if missing := [name for name in sliders if not isinstance(starts.get(name), int | float)]:
        raise ValueError(f"{', '.join(missing)}: expected a number as default in one of the functions")
    controls = {}
    for name, (low, high) in sliders.items():
        look = {"min": low, "max": high, "step": STEP, "description": name.replace("_", " ")}
        controls[name] = widgets.FloatSlider(starts[name], **look, **ENTRY)

    def draw(subject: Subject, **values: float) -> str:
        with torch.no_grad():
            return displayed({of.__name__: of(**_wanted(of, subject, values)) for of in functions})

    return Bench(chapter, draw, controls, starts, bool(asked & OF_THE_ORACLE))


def displayed(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What functions returned, as HTML: the pictures of each, and one table of their numbers."""
    pictures, rows = "", []
    for name, found in results.items():
        images = {label: of for label, of in found.items() if isinstance(of, Tensor) and of.ndim == 4}
        for view in range(len(next(iter(images.values()), []))):
            shown = {label: of[view] for label, of in images.items()}
            pictures += image_row(shown, f"held-out view {view + 1}", width=160)
        numbers = {label: number(float(value), 3) for label, value in found.items() if label not in images}
        rows.append({"": name.replace("_", " ")} | numbers)
    return pictures + table_html(pd.DataFrame(rows).fillna("–"))


def _wanted(function: Callable, subject: Subject, values: Mapping[str, float]) -> dict[str, Any]:
    names = signature(function).parameters
    return {name: values[name] if name in values else getattr(subject, name) for name in names}
