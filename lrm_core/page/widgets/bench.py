"""A bench: which model, which object, a few controls, and what the live kernel makes of them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from lrm_core.page.finding_page import Chapter
from lrm_core.page.widgets.subject import Subject, folders, subject_of

WIDE = {"description_width": "8rem"}
FIELD = {"width": "36rem", "max_width": "calc(100% - 2 * var(--jp-widgets-margin))"}  # widgets have margins
ENTRY = {"continuous_update": False, "style": WIDE, "layout": FIELD}  # draws when it is let go
REFUSED = (ValueError, OSError, RuntimeError)  # inputs that do not fit; PyTorch out of memory is the last


class Bench(widgets.VBox):
    """Fields for model, folder and object above some controls, and a result that follows all of them.

    Nothing is computed before `refresh` is called or something is changed. Where the object has no oracle the
    result waits for the button that fits one.

    Attributes:
        chapter: whose model, oracles and object it starts from.
        model_field, folder_field: names or paths as they are typed.
        object_picker: the objects of the folder.
        controls: the other inputs by name.
        fit_button, progress: of the oracle, displayed where it is missing and while it is fitted.
        message: what goes on or went wrong, as HTML.
        result: what was drawn, as HTML.
    """

    def __init__(
        self,
        chapter: Chapter,
        draw: Callable[..., str],
        controls: Mapping[str, widgets.ValueWidget],
        starts: Mapping[str, Any],
        needs_oracle: bool,
    ) -> None:
        """A bench that computes nothing yet.

        Args:
            draw: (subject, **values of the controls) -> HTML.
            controls: inputs by the name under which `draw` takes their values.
            starts: values that a button sets.
            needs_oracle: whether `draw` cannot do without the oracle of the object.
        """
        self.needs_oracle = needs_oracle
        self.chapter, self.controls, self._draw, self._settling = chapter, dict(controls), draw, False
        where, empty = (
            "a name, a checkpoint or a folder of one",
            f"empty: objects of the profile {chapter.plan.name}",
        )
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
            self._offer_objects()
            subject = self._subject()
            if self._ask_for_oracle(subject):
                return
            self.result.value = self._draw(subject, **{name: c.value for name, c in self.controls.items()})
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

    def _offer_objects(self) -> None:
        """The objects of the folder, the first of them picked where the folder is another."""
        names = tuple(folders(self.chapter.plan, self.folder_field.value))
        if names != tuple(self.object_picker.options):
            with self._settled():
                self.object_picker.options = names

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
