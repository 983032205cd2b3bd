"""A chapter in which one finding is told: answer, figures, rule and sliders, from the declarations of its claim."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Self

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from lrm_core import load_model
from lrm_core.data_url import data_url
from lrm_core.findings import prose
from lrm_core.findings.arm_claims import claim_columns
from lrm_core.findings.figures import Lines, Pictures, window
from lrm_core.findings.finding import Finding, told
from lrm_core.fit.oracle import OracleFit
from lrm_core.measure import oracles
from lrm_core.measure.experiments import get_experiment
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.page import chapter as pages
from lrm_core.page import findings as judged
from lrm_core.page.elements import drawn
from lrm_core.page.elements.pictures import cut_to_object, image_row
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.arm_tables import changes
from lrm_core.records.arms import EXPERIMENT as FINETUNING
from lrm_core.records.runner import load_item
from lrm_core.render.cameras import Views

OTHERS = 2  # objects to which an explorable can be switched
VIEWS = 8  # held-out views, as the experiments take
THUMBNAIL = 64  # pixels of an object's picture in a figure


@dataclass(frozen=True)
class Chapter:
    """A finding with the records that decide it, and one object that is measured again."""

    finding: Finding
    plan: Profile
    seed: int  # of the live computation
    model: LRM  # frozen
    table: (
        pd.DataFrame
    )  # current records of the chosen objects, a row for each object and seed, completed by `finding`
    groups: Mapping[str, str]  # "real" or "procedural" for each object
    item: RenderedObject  # the example that the finding chooses by the records

    @property
    def configuration(self) -> Any:
        """Of the experiment in this profile."""
        return get_experiment(self.finding.experiment).configuration(self.plan)

    @property
    def oracle_config(self) -> oracles.OracleConfig:
        """How the oracles of the profile are fitted."""
        return get_experiment("e01_oracle").configuration(self.plan).oracle

    @property
    def image(self) -> Float[Tensor, "1 3 h w"]:
        """The source view of the example, where the model is."""
        return self.item.images[:1].to(next(self.model.parameters()).device)

    @property
    def camera(self) -> Float[Tensor, "1 16"]:
        """Its camera, as the model is told."""
        return self.item.source_camera().to(next(self.model.parameters()).device)

    @property
    def source_file(self) -> Path:
        """The picture of the source view of the example, with alpha."""
        return _folders(self.plan)[self.item.name] / "rgba" / "000.png"

    @property
    def views(self) -> Views:
        """The views of the example that no fit has seen, eight at most."""
        return oracles.heldout_views(self.item, VIEWS)

    @cached_property
    def predicted(self) -> Float[Tensor, "3 c r r"]:
        """T_pred of the example."""
        return oracles.predicted_planes(self.model, self.item)

    def oracle(self, start: oracles.Start) -> OracleFit:
        """The example's oracle from that start, from the cache if it is there."""
        return oracles.oracle(self.model, self.item, start, self.oracle_config, self.seed)

    def seen(self, planes: Float[Tensor, "3 c r r"]) -> Float[Tensor, "3 h w"]:
        """A triplane in the first of the held-out views."""
        return oracles.render_like(self.model, planes, oracles.heldout_views(self.item, 1))[0]

    def stored_in(self, table: pd.DataFrame) -> pd.DataFrame:
        """The example's record among those of a table, one row; none where it has not been made."""
        return table[(table["object"] == self.item.name) & (table["seed"] == self.seed)]

    def stored(self, column: str) -> float:
        """A number of the example's stored record."""
        return float(self.stored_in(self.table)[column].iloc[0])

    def stored_row(self, table: pd.DataFrame) -> Mapping[str, Any]:
        """The entries of the example's record in a table by their dotted names; empty where there is none."""
        rows = self.stored_in(table)
        return {} if rows.empty else rows.iloc[0].to_dict()

    def also(self, finding: Finding, refresh: bool = False) -> Self:
        """The same example on another claim, which rests on the same records."""
        beside = {name: pages.records_beside(self, name, refresh) for name in finding.beside}
        return replace(self, table=finding.completed(self.table, beside), finding=finding)

    def others(self, *starts: oracles.Start) -> list[Self]:
        """The chapter on `OTHERS` more objects at most, whose oracles from these starts come with the repository."""
        shipped, found = oracles.OracleCache(folder=oracles.OracleCache().shipped), []
        for name in [name for name in self.groups if name != self.item.name]:
            item = load_item(self.plan, self.plan.object_folder(name))
            settings = self.oracle_config, self.seed
            prints = [oracles.oracle_fingerprint(self.model, item, start, *settings) for start in starts]
            if all(map(shipped.find, prints)):
                found.append(replace(self, item=item))
            if len(found) == OTHERS:
                break
        return found

    def answer(self, figure: str = "") -> None:
        """Display the verdict, the sentences that give it, and the figure that carries the chapter."""
        words = judged.both_words(self.finding, self.table, self.plan.name)
        pages.show_html(f'<p class="lrm-verdict">{escape(words)}</p>')
        self.say("answer")
        if text := judged.condition_words(self.finding, self.plan.name):
            pages.show_text(text, self.table)
        if figure:
            self.show(figure)
        if self.finding.typical:
            pages.show_html(
                f"<p>The cells below measure <code>{self.item.name}</code>, the object nearest to the means.</p>"
            )

    def say(self, section: str) -> None:
        """Display a section of the claim's text."""
        pages.show_text(told(self.finding, section, self.table), self.table)

    def show(self, name: str) -> None:
        """Display a declared figure under what it says and above how it reads and where it is drawn."""
        declared = self.finding.figures[name]
        title, _, caption = told(self.finding, f"figure {name}", self.table).partition("\n")
        pages.show_title(title, self.table)
        if isinstance(declared, Pictures):
            html, data = declared.function(self)
            pages.show_html(html)
        else:
            pictures = self._thumbnails() if isinstance(declared, drawn.PICTURED) else {}
            for row in declared.pictures(self) if isinstance(declared, Lines) and declared.pictures else ():
                show = f'<div class="lrm-above">{image_row(row, self.item.name, width=96)}</div>'
                pages.show_html(show)
            figure = drawn.draw(declared, self.table, self.groups, pictures, title)
            figure.show()
            data = prose.figure_data(figure)
        links = source_links(self.finding, name)
        pages.show_html(prose.figure_caption(" ".join(caption.split()), name, data, links))

    def verdict(self) -> None:
        """Display the cases of the rule, and which of them decided."""
        pages.show_html(judged.cases_html(self.finding, self.table), self.table)

    def pictures(self, images: dict[str, Float[Tensor, "3 h w"]]) -> None:
        """Display images of the example side by side, by caption, cut to what is not white in any of them."""
        pages.show_html(image_row(cut_to_object(images), self.item.name))

    def tweak(self, *functions: Callable, **sliders: tuple[float, float]) -> None:
        """In JupyterLab, sliders that call functions of the chapter (`widgets.bench.show_sliders`)."""
        from lrm_core.page.widgets.bench import show_sliders

        show_sliders(self, functions, sliders)

    def download(self) -> None:
        """Display a link to all records that the chapter rests on."""
        scalars = [name for name in self.table if not any(isinstance(value, list) for value in self.table[name])]
        pages.show_html(prose.csv_link(self.table[scalars], self.finding.experiment, "Records (CSV)"))

    def _thumbnails(self) -> dict[str, str]:
        """The source view of every object alone, `THUMBNAIL` pixels a side, transparent beside it."""
        items = (load_item(self.plan, self.plan.object_folder(name)) for name in self.table["object"].unique())
        found = {}
        for item in items:
            cut = torch.cat([item.images[0], item.masks[0]])[:, *window(item.masks[0, 0] > 0, margin=1)]
            found[item.name] = data_url(interpolate(cut[None], (THUMBNAIL, THUMBNAIL), mode="area")[0])
        return found


def _folders(plan: Profile) -> dict[str, Path]:
    return {folder.name: folder for folder in plan.object_folders(every=True)}


def open_finding(
    finding: Finding,
    profile: str,
    *,
    seed: int = 0,
    objects: Sequence[str] | None = None,
    refresh: bool = False,
    device: str = "cpu",
) -> Chapter:
    """Load the records of a finding, making those that are missing (all if `refresh`), and choose its example.

    Without `objects` a finding on a claim reads those of the profile, and one without a claim all that there are.

    Raises:
        ValueError: if the profile or an object is unknown.
        FileNotFoundError: if the model or the objects are missing.
    """
    plan = get_profile(profile)
    pages.make_records(finding.experiment, profile, refresh, objects, device)
    model = load_model(plan.model, device=device).eval().requires_grad_(False)
    every = plan.object_folders(every=finding.rule is None)
    folders = every if objects is None else [plan.object_folder(name) for name in objects]
    groups = {folder.name: folder.parent.name for folder in folders}
    table = pages.stored_records(finding.experiment, profile, model, groups)
    opened = Chapter(finding, plan, seed, model, table, groups, item=None).also(finding, refresh)
    return replace(opened, item=load_item(plan, _folders(plan)[finding.example(opened.table, groups)]))


def source_links(finding: Finding, name: str) -> str:
    """Which functions compute, measure and draw a figure, and where it is declared, as HTML with links."""
    module, declared = judged.module_file(finding), finding.figures[name]
    if finding.experiment == FINETUNING:
        measured, formulas = judged.function_link(claim_columns, "tabulated by "), (changes,)
    else:
        experiment = get_experiment(finding.experiment)
        measured, formulas = judged.function_link(experiment.run, "measured by "), experiment.formulas
    lines = module.read_text(encoding="utf-8").splitlines()
    line = next(at for at, text in enumerate(lines, start=1) if f'"{name}": ' in text)
    function = declared.function if isinstance(declared, Pictures) else drawn.DRAWN_BY[type(declared)]
    links = [
        *(judged.function_link(formula, "" if at else "computed by ") for at, formula in enumerate(formulas)),
        measured,
        judged.function_link(function, "drawn by "),
        judged.source_link(module, line, module.name),
    ]
    return f'<p class="lrm-sources">{", ".join(links)}</p>'
