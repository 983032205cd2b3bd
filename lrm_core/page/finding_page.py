"""A chapter in which one finding is told: answer, figures, rule and sliders, from the declarations of its claim."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from html import escape
from importlib import import_module
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, pad

from lrm_core.data_url import data_url
from lrm_core.findings import prose
from lrm_core.findings.cause import cause
from lrm_core.findings.figures import Lines, Pictures
from lrm_core.findings.finding import Finding
from lrm_core.findings.headlines import HEADLINES
from lrm_core.findings.rules import All
from lrm_core.findings.sentences import say, told
from lrm_core.findings.verdicts import experiment_table, judge
from lrm_core.measure.oracles import OracleCache, Start, heldout_views, oracle_fingerprint, render_images
from lrm_core.page import chapter as pages
from lrm_core.page.chapter import Chapter
from lrm_core.page.elements import drawn
from lrm_core.page.elements.origin import computed, origin
from lrm_core.page.elements.pictures import cut_to_object, image_row
from lrm_core.page.front.forest import written
from lrm_core.paths import repository_root
from lrm_core.profiles import PROFILES, PUBLISHED
from lrm_core.records.runner import load_item
from lrm_core.render.views import Views

OTHERS = 2  # objects to which an explorable can be switched
VIEWS = 8  # held-out views, as the experiments take
UNIVERSAL = ("not testable here", "not replicated")  # cases that every rule may have
THUMBNAIL = 64  # pixels of an object's picture in a figure


@dataclass(frozen=True)
class FindingPage(Chapter):
    """A chapter with the declarations of its claim; `item` is the example that the declarations choose."""

    finding: Finding

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
        folders = {folder.name: folder for folder in self.plan.object_folders(every=True)}
        return folders[self.item.name] / "rgba" / "000.png"

    def also(self, finding: Finding, refresh: bool = False) -> "FindingPage":
        """The same example on another claim that rests on the same records."""
        beside = {name: pages.records_beside(self, name, refresh) for name in finding.beside}
        return replace(
            self.on(finding.rule.claim), table=finding.completed(self.table, beside), finding=finding
        )

    def others(self, *starts: Start) -> list["FindingPage"]:
        """The chapter on `OTHERS` more objects at most, whose oracles from these starts come with the repository."""
        shipped, found = OracleCache(folder=OracleCache().shipped), []
        for name in [name for name in self.groups if name != self.item.name]:
            item = load_item(self.plan, self.plan.object_folder(name))
            prints = [oracle_fingerprint(self.model, item, s, self.oracle_config, self.seed) for s in starts]
            if all(map(shipped.find, prints)):
                found.append(replace(self, item=item))
            if len(found) == OTHERS:
                break
        return found

    def stored(self, column: str) -> float:
        """A number of the example's stored record."""
        return float(self.stored_in(self.table)[column].iloc[0])

    def answer(self, figure: str = "") -> None:
        """Display the verdict, the sentences that give it, and the figure that carries the chapter."""
        pages.show_html(f'<p class="lrm-verdict">{escape(verdict_words(self.finding, self.table))}</p>')
        self.say("answer")
        if text := condition_words(self.finding, self.plan.name):
            pages.show_text(text, self.table)
        if figure:
            self.show(figure)

    def say(self, section: str) -> None:
        """Display a section of the claim's text."""
        pages.show_text(told(self.finding, section, self.table), self.table)

    def show(self, name: str) -> None:
        """Display a declared figure under what it says and above how it reads and where it is drawn."""
        declared = self.finding.figures[name]
        title, _, caption = told(self.finding, f"figure {name}", self.table).partition("\n")
        pages.show_html(computed(f'<p class="lrm-figure-title">{escape(title)}</p>', origin(self.table)))
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
        pages.show_html(computed(cases_html(self.finding, self.table), origin(self.table)))

    def pictures(self, images: dict[str, Float[Tensor, "3 h w"]]) -> None:
        """Display images of the example side by side, by caption, cut to what is not white in any of them."""
        pages.show_html(image_row(cut_to_object(images), self.item.name))

    @property
    def views(self) -> Views:
        """The views of the example that no fit has seen, eight at most."""
        return heldout_views(self.item, VIEWS)

    def seen(self, planes: Float[Tensor, "3 c r r"]) -> Float[Tensor, "3 h w"]:
        """A triplane in the first of those views."""
        return render_images(self.model, planes, self.views.cameras[:1], self.item.images.shape[-1])[0].cpu()

    def download(self) -> None:
        """Display a link to all records that the chapter rests on."""
        scalars = self.table.loc[:, [not pages.is_list(self.table[column]) for column in self.table]]
        pages.show_html(prose.csv_link(scalars, self.finding.experiment, "Records (CSV)"))

    def _thumbnails(self) -> dict[str, str]:
        """The source view of every object, small."""
        items = (
            load_item(self.plan, self.plan.object_folder(name)) for name in self.table["object"].unique()
        )
        return {item.name: data_url(_small(item.images[0], item.masks[0])) for item in items}


def _small(image: Float[Tensor, "3 h w"], mask: Float[Tensor, "1 h w"]) -> Float[Tensor, "4 s s"]:
    """The object alone, `THUMBNAIL` pixels a side, transparent beside it."""
    rows, columns = (mask[0].amax(axis).nonzero() for axis in (1, 0))
    half = max(int(rows.max() - rows.min()), int(columns.max() - columns.min())) // 2 + 1
    centre = [int(of.min() + of.max()) // 2 + half for of in (rows, columns)]
    padded = pad(torch.cat([image, mask]), [half] * 4)
    cut = padded[:, centre[0] - half : centre[0] + half, centre[1] - half : centre[1] + half]
    return interpolate(cut[None], (THUMBNAIL, THUMBNAIL), mode="area")[0]


def open_finding(
    finding: Finding,
    profile: str,
    *,
    seed: int = 0,
    objects: Sequence[str] | None = None,
    refresh: bool = False,
    device: str = "cpu",
) -> FindingPage:
    """Load the records of a finding, making those that are missing (all if `refresh`), and choose its example.

    Raises:
        ValueError, FileNotFoundError: as `open_chapter`.
    """
    options = {"seed": seed, "objects": objects, "refresh": refresh, "device": device}
    claim = finding.rule.claim if finding.rule else None
    opened = pages.open_chapter(claim, profile, experiment=finding.experiment, **options)
    beside = {name: pages.records_beside(opened, name, refresh) for name in finding.beside}
    table = finding.completed(opened.table, beside)
    folders = {folder.name: folder for folder in opened.plan.object_folders(every=True)}
    item = load_item(opened.plan, folders[finding.example(table, opened.groups)])
    same = {field.name: getattr(opened, field.name) for field in fields(opened)}
    return FindingPage(**same | {"table": table, "item": item, "finding": finding})


def verdict_words(finding: Finding, table: pd.DataFrame) -> str:
    """The verdict, by each way of judging where they differ, and what kept it from being another."""
    by = {how: judge(rule, table).case for how, rule in finding.judged.items()}
    if len({case.verdict for case in by.values()}) > 1:
        return " ".join(f"By the {how}: {case.verdict}." for how, case in by.items())
    found = judge(finding.rule, table).case
    missed = finding.failed(found, table)
    if not missed:
        return f"{found.verdict.capitalize()}."
    near = "a near miss, since " if finding.is_near(found, table) else "since "
    return f"{found.verdict.capitalize()}, {near}{missed}."


def condition_words(finding: Finding, profile: str) -> str:
    """Number and verdict where the encoder is told the distances of the published runs, if that was measured."""
    rule, twin = finding.rule, profile + PUBLISHED
    if twin not in PROFILES or not (found := cause(rule.claim, profile)).towards.known:
        return ""
    return say(
        "conditions",
        "told as published",
        quantity=HEADLINES[rule.claim].quantity,
        truth=written(rule.claim, found.truth.estimate),
        condition=written(rule.claim, found.condition.estimate),
        published=written(rule.claim, found.published),
        objects=str(found.condition.n),
        verdict=judge(rule, experiment_table(rule.experiment, twin)).case.verdict,
    )


def cases_html(finding: Finding, table: pd.DataFrame) -> str:
    """Cases of the rule in words, with the comparisons as a title, the verdict, and whether it decided.

    What every rule has, too few seeds and none of its cases, stands there only where it decided. The claim links to
    the rule as code.
    """
    ways = finding.judged or {"": finding.rule}
    decided = [judge(rule, table).case.words for rule in ways.values()]
    head = "".join(f"<th>{escape(text)}</th>" for text in ("verdict", *ways))
    source, body = _link(_module(finding), 1, finding.rule.claim), ""
    for case in finding.rule.cases:
        if case.verdict in UNIVERSAL and case.words not in decided:
            continue
        code = " and ".join(c.code for c in case.holds) if isinstance(case.holds, All) else ""
        cells = "".join(f"<td>{'<b>decides</b>' if words == case.words else ''}</td>" for words in decided)
        body += (
            f'<tr title="{escape(code, quote=True)}"><td>{escape(case.words)}</td>'
            f"<td>{case.verdict}</td>{cells}</tr>"
        )
    return (
        f'<div class="lrm-cases"><table class="dataframe words"><thead><tr><th>{source}, if</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def source_links(finding: Finding, name: str) -> str:
    """Where a figure is declared and which function draws it, as HTML with links into the repository."""
    module = _module(finding)
    lines = module.read_text(encoding="utf-8").splitlines()
    line = next(at for at, text in enumerate(lines, start=1) if f'"{name}": ' in text)
    declared = finding.figures[name]
    function = declared.function if isinstance(declared, Pictures) else drawn.DRAWN_BY[type(declared)]
    drawn_in, (_, start) = Path(inspect.getsourcefile(function)), inspect.getsourcelines(function)
    return (
        f'<p class="lrm-sources">{_link(module, line, module.name)}, '
        f"{_link(drawn_in, start, function.__name__)}</p>"
    )


def _module(finding: Finding) -> Path:
    return Path(inspect.getsourcefile(import_module(finding.module)))


def _link(path: Path, line: int, text: str) -> str:
    return f'<a href="../{path.relative_to(repository_root()).as_posix()}#L{line}"><code>{text}</code></a>'
