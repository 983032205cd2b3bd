"""What a chapter works with: the claim, its records, and one object that is measured again."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML, Markdown, display
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.findings import prose
from lrm_core.findings.claims import Claim, claim
from lrm_core.findings.rulebook import RULES
from lrm_core.findings.rules import Rule
from lrm_core.findings.verdicts import experiment_table
from lrm_core.measure.experiments import get_experiment
from lrm_core.measure.oracles import Oracle, OracleConfig, Start, oracle, predicted_planes
from lrm_core.model.hashing import model_hash
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.page.elements.origin import COUNTED, NOW, SET, computed, origin
from lrm_core.profiles import Profile, get_profile
from lrm_core.records.runner import load_item, record_all

__all__ = ["COUNTED", "NOW", "SET"]  # what the notebooks name as a source beside records


@dataclass(frozen=True)
class Chapter:
    """One claim with the records that decide it.

    Attributes:
        claim, rule: as published, and how it is judged; None in a chapter that examines no claim.
        plan: the profile.
        seed: of the live computation.
        model: frozen.
        table: current records of the chosen objects, one row per object and seed.
        groups: "real" or "procedural" for each object.
        item: the object that is measured again, the first of the records.
    """

    claim: Claim | None
    rule: Rule | None
    plan: Profile
    seed: int
    model: LRM
    table: pd.DataFrame
    groups: Mapping[str, str]
    item: RenderedObject

    @property
    def configuration(self) -> Any:
        """Of the experiment in this profile."""
        return get_experiment(self.rule.experiment).configuration(self.plan)

    @property
    def oracle_config(self) -> OracleConfig:
        """How the oracles of the profile are fitted."""
        return get_experiment("e01_oracle").configuration(self.plan).oracle

    def tweak(self, *functions: Callable, **sliders: tuple[float, float]) -> None:
        """In JupyterLab, sliders that call functions of the chapter; see `lrm_core.page.widgets.show_sliders`."""
        from lrm_core.page.widgets import show_sliders

        show_sliders(self, functions, sliders)

    def on(self, claim_id: str) -> "Chapter":
        """The same chapter on another claim that rests on the same records.

        Raises:
            ValueError: if the claim rests on other records.
        """
        rule = RULES[claim_id]
        if rule.experiment != self.rule.experiment:
            raise ValueError(
                f"expected a claim that rests on {self.rule.experiment}, found {claim_id} ({rule.experiment})"
            )
        return replace(self, claim=claim(claim_id), rule=rule)

    def stored_in(self, table: pd.DataFrame) -> pd.DataFrame:
        """The record of the object among those of a table, one row; none where it has not been made."""
        return rows_of(table, self.item.name, self.seed)

    def oracle(self, start: Start) -> Oracle:
        """The object's oracle from that start, from the cache if it is there."""
        return oracle(self.model, self.item, start, self.oracle_config, self.seed)

    @cached_property
    def predicted(self) -> Float[Tensor, "3 c r r"]:
        """T_pred of the object."""
        return predicted_planes(self.model, self.item)


def stored_row(table: pd.DataFrame, name: str, seed: int) -> Mapping[str, Any]:
    """The entries of one object's record by their dotted names; empty where there is none."""
    rows = rows_of(table, name, seed)
    return {} if rows.empty else rows.iloc[0].to_dict()


def rows_of(table: pd.DataFrame, name: str, seed: int) -> pd.DataFrame:
    """The record of one object and seed as a table of one row, or of none."""
    return table[(table["object"] == name) & (table["seed"] == seed)]


def open_chapter(
    claim_id: str | None,
    profile: str,
    *,
    experiment: str = "",
    seed: int = 0,
    objects: Sequence[str] | None = None,
    refresh: bool = False,
    device: str = "cpu",
) -> Chapter:
    """Load the records of a claim, making those that are missing (all of them if `refresh`).

    Args:
        claim_id: None for a chapter that examines no claim; it reads all objects of `experiment`.

    Raises:
        ValueError: if the claim, the profile or an object is unknown.
        FileNotFoundError: if the model or the objects are missing.
    """
    plan, rule = get_profile(profile), RULES[claim_id] if claim_id else None
    experiment = rule.experiment if rule else experiment
    make_records(experiment, profile, refresh, objects, device)
    model = load_model(plan.model, device=device).eval().requires_grad_(False)
    every = plan.object_folders(every=rule is None)
    folders = every if objects is None else [plan.object_folder(name) for name in objects]
    groups = {folder.name: folder.parent.name for folder in folders}
    table = experiment_table(experiment, profile, model_hash(model))
    chosen = table[table["object"].isin(groups)].reset_index(drop=True)
    item = load_item(plan, folders[0])
    return Chapter(rule and claim(claim_id), rule, plan, seed, model, chosen, groups, item)


def make_records(
    experiment: str, profile: str, refresh: bool, objects: Sequence[str] | None, device: str
) -> None:
    """Make the records of an experiment that are missing; progress is not part of the page."""
    with redirect_stdout(sys.stderr):
        record_all(profile, [experiment], refresh, objects=objects, device=device)


def records_beside(chapter: Chapter, experiment: str, refresh: bool = False) -> pd.DataFrame:
    """Current records of another experiment on the chapter's objects, made where they are missing (or `refresh`).

    Raises:
        ValueError: if the experiment is unknown.
    """
    device = str(next(chapter.model.parameters()).device)
    make_records(experiment, chapter.plan.name, refresh, list(chapter.groups), device)
    table = experiment_table(experiment, chapter.plan.name, model_hash(chapter.model))
    return table[table["object"].isin(chapter.groups)].reset_index(drop=True)


def show_text(text: str, *sources: pd.DataFrame | str) -> None:
    """Display Markdown, with where its numbers come from (`origin`) if any of them are ours."""
    display(Markdown(computed(text, origin(*sources)) if sources else text))


def show_table(table: pd.DataFrame, *sources: pd.DataFrame | str) -> None:
    """Display a table of text, with where its numbers come from (`origin`) if any of them are ours."""
    html = prose.table_html(table)
    show_html(computed(html, origin(*sources)) if sources else html)


def show_html(html: str) -> None:
    """Display HTML."""
    display(HTML(html))


def show_figure(
    figure: go.Figure, name: str, caption: str, title: str = "", *sources: pd.DataFrame | str
) -> None:
    """Display a figure under what it says, with the sources of that, and above how it reads and its data."""
    if title:
        show_html(computed(f'<p class="lrm-figure-title">{escape(title)}</p>', origin(*sources)))
    figure.show()
    show_html(prose.figure_caption(caption, name, prose.figure_data(figure)))


def is_list(column: pd.Series) -> bool:
    """Whether a column of a table of records holds lists."""
    return any(isinstance(value, list) for value in column)
