"""Sliders of JupyterLab: the functions of a chapter's cells, by the live kernel on the full-precision model.

They need the kernel, so that a built page has one sentence in their place.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
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
from lrm_core.page.finding_page import Chapter
from lrm_core.page.widgets.subject import Subject, folders, subject_of

INVITATION = "`make lab`: sliders here."
WIDE = {"description_width": "8rem"}
FIELD = {"width": "36rem", "max_width": "calc(100% - 2 * var(--jp-widgets-margin))"}  # widgets have margins
ENTRY = {"continuous_update": False, "style": WIDE, "layout": FIELD}  # draws when it is let go
STEP = 0.01
REFUSED = (ValueError, OSError, RuntimeError)  # inputs that do not fit; PyTorch out of memory is the last
OF_THE_ORACLE = {"residual", "scene", "T_ref"}  # attributes of `Subject`
Ranges = Mapping[str, tuple[float, float]]


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


class Bench(widgets.VBox):
    """Fields for model, folder and object above sliders of functions, and a result that follows all of them.

    Nothing is computed before `refresh` is called or something is changed. Where the object has no oracle the
    result waits for the button that fits one. `controls` are the sliders by their names; `message` says what goes on
    or went wrong, and `result` is what was drawn, both as HTML.
    """

    def __init__(self, chapter: Chapter, functions: Sequence[Callable], ranges: Ranges) -> None:
        """A bench that computes nothing yet, with a button that sets all sliders back to the functions' defaults.

        Parameters of the functions are named as sliders or as attributes of `Subject`. What they return is displayed
        by name: numbers as a row of a table, images (views, 3, H, W) as pictures. Each slider has its least and
        greatest value in `ranges`, and begins at the default of the first function.
        """
        self.chapter, self.functions, self._settling = chapter, functions, False
        asked = [parameter for function in functions for parameter in signature(function).parameters.values()]
        starts = {parameter.name: parameter.default for parameter in reversed(asked) if parameter.name in ranges}
        self.needs_oracle = not OF_THE_ORACLE.isdisjoint(parameter.name for parameter in asked)
        self.controls = {
            name: widgets.FloatSlider(
                starts[name], min=low, max=high, step=STEP, description=name.replace("_", " "), **ENTRY
            )
            for name, (low, high) in ranges.items()
        }
        where = "a name, a checkpoint or a folder of one"
        empty = f"empty: objects of the profile {chapter.plan.name}"
        self.model_field = widgets.Text(chapter.plan.model, description="Model", placeholder=where, **ENTRY)
        self.folder_field = widgets.Text(description="Folder of objects", placeholder=empty, **ENTRY)
        known = {"options": list(folders(chapter.plan, "")), "value": chapter.item.name}
        self.object_picker = widgets.Dropdown(**known, description="Object", style=WIDE, layout=FIELD)
        self.message, self.result = widgets.HTML(), widgets.HTML()
        self.result.add_class("jp-RenderedHTMLCommon")  # JupyterLab's own look of tables
        self.fit_button = widgets.Button(description="Fit the oracle", button_style="primary")
        self.progress = widgets.IntProgress(max=chapter.oracle_config.iterations, style=WIDE, layout=FIELD)
        start = widgets.Button(description="as in the cells", layout={"width": "auto"})
        inputs = [self.model_field, self.folder_field, self.object_picker, *self.controls.values()]
        fitting = widgets.HBox([self.fit_button, self.progress])
        super().__init__([*inputs, start, self.message, fitting, self.result])
        self._display_fitting()
        start.on_click(lambda _: self.choose(starts))
        self.fit_button.on_click(lambda _: self.fit())
        for field in inputs:
            field.observe(lambda _: self.refresh(), "value")

    def refresh(self) -> None:
        """Compute and draw what the fields say, or say what is missing or wrong."""
        if self._settling:
            return
        with self._reporting("Computing …"):
            names = tuple(folders(self.chapter.plan, self.folder_field.value))
            if names != tuple(self.object_picker.options):
                with self._settled():
                    self.object_picker.options = names  # picks the first of them
            subject = self._subject()
            if self._ask_for_oracle(subject):
                return
            values, results = {name: control.value for name, control in self.controls.items()}, {}
            with torch.no_grad():
                for function in self.functions:
                    names = signature(function).parameters
                    wanted = {name: values[name] if name in values else getattr(subject, name) for name in names}
                    results[function.__name__] = function(**wanted)
            self.result.value = displayed(results)
            self.message.value = ""

    def fit(self) -> None:
        """Fit the oracle of the object while the bar counts the steps, then draw; stopped, it asks once more."""
        steps = self.chapter.oracle_config.iterations
        with self._reporting(f"Fitting, {steps:,} steps. To stop, interrupt the kernel."):
            try:
                self._display_fitting(bar=True)
                self._subject().fit(self._count)
            finally:
                self._display_fitting()
                self.refresh()

    def choose(self, values: Mapping[str, Any]) -> None:
        """Set several controls, then draw once."""
        with self._settled():
            for name, value in values.items():
                self.controls[name].value = value
        self.refresh()

    def _subject(self) -> Subject:
        picked = self.object_picker.value
        return subject_of(self.chapter, self.model_field.value, self.folder_field.value, picked)

    def _ask_for_oracle(self, subject: Subject) -> bool:
        """Display the button if the oracle is missing and the model can take the object; whether it is missing."""
        missing = self.needs_oracle and not subject.is_fitted()
        if missing:
            subject.check()
            self.result.value = ""
            self.message.value = _paragraph(
                f"{subject.item.name} has no oracle for this model yet. One must be fitted first, in "
                f"{subject.config.iterations:,} steps, which takes minutes; it is kept for later."
            )
        self._display_fitting(button=missing)
        return missing

    def _count(self, steps: int) -> None:
        self.progress.value, self.progress.description = steps, f"{steps:,} of {self.progress.max:,}"

    def _display_fitting(self, button: bool = False, bar: bool = False) -> None:
        self.fit_button.layout.display = None if button else "none"
        self.progress.layout.display = None if bar else "none"

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """What changes inside does not draw by itself."""
        self._settling, before = True, self._settling
        try:
            yield
        finally:
            self._settling = before

    @contextmanager
    def _reporting(self, doing: str) -> Iterator[None]:
        """A message while something is done; an input that does not fit ends it with the reason and no result."""
        self.message.value = _paragraph(doing)
        try:
            yield
        except REFUSED as error:
            self._display_fitting()
            self.result.value = ""
            self.message.value = _paragraph(str(error), role="alert")


def _paragraph(text: str, role: str = "status") -> str:
    return f'<p role="{role}" style="line-height:1.4">{escape(text)}</p>'


def displayed(results: Mapping[str, Mapping[str, Any]]) -> str:
    """What functions returned, as HTML: the pictures of each, and one table of their numbers."""
    pictures, rows = "", []
    for name, found in results.items():
        images = {label: of for label, of in found.items() if isinstance(of, Tensor) and of.ndim == 4}
        for view in range(len(next(iter(images.values()), []))):
            shown = {label: of[view] for label, of in images.items()}
            pictures += page.image_row(shown, f"held-out view {view + 1}", width=160)
        numbers = {label: number(float(value), 3) for label, value in found.items() if label not in images}
        rows.append({"": name.replace("_", " ")} | numbers)
    return pictures + table_html(pd.DataFrame(rows).fillna("–"))
