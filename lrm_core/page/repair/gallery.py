"""Renders of the arms: their sheets, a gallery that wipes two of them over each other, and pictures cut from them."""

import base64
import copy
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from lrm_core import LRM, load_model
from lrm_core.findings.c13 import harmed, kind
from lrm_core.findings.prose import number
from lrm_core.fit.lora import ADAPTERS, WEIGHTS, Adapters
from lrm_core.measure.finetuning import EVALUATION_VIEWS
from lrm_core.objects import load_object
from lrm_core.objects.contact_sheets import SheetStore, contact_sheet, picture_at, rendered_sheet
from lrm_core.page.chapter import cut_to_object, image_row
from lrm_core.page.repair.arm_page import ArmPage
from lrm_core.paths import data_dir, repository_root
from lrm_core.profiles import Profile
from lrm_core.records.arm_runs import ArmRecorder
from lrm_core.records.arm_tables import changes
from lrm_core.records.arms import ARMS

PICTURED = ("lora_mse", "lora_freq", "lora_mse_x25", "full_mse", "full_freq")
SHIPPED = "mini/adapters"
TRUTH, UNTOUCHED = "the truth", "untouched"

Record = Mapping[str, Any]


def arm_recorder(plan: Profile) -> ArmRecorder:
    """Of the runs of a profile on this machine."""
    return ArmRecorder(plan, plan.results, repository_root() / ".cache" / "finetune", plan.device)


def file_name(record: Record) -> str:
    """How what belongs to a run is filed."""
    return f"{record['object']}-s{record['seed']}-{record['fingerprint']}"


def untouched_name(record: Record) -> str:
    """How the sheet of the untouched model is filed; the same for all runs of one model on the same data."""
    return f"untouched-{record['model_hash']}-{record['data_hash']}"


def shipped_adapter(record: Record) -> Path:
    """Where the adapters of a run are in the repository, if they are."""
    return data_dir() / SHIPPED / f"{file_name(record)}.safetensors"


def weights_of(recorder: ArmRecorder, record: Record) -> Path | None:
    """The file of a run's adapters, or of all its weights; None if it is not on this machine."""
    run = recorder.runs / record["fingerprint"]
    places = (shipped_adapter(record), run / ADAPTERS, run / WEIGHTS)
    return next((path for path in places if path.is_file()), None)


def tuned_model(model: LRM, weights: Path) -> LRM:
    """A plain, frozen model with those adapters merged, or those weights; ValueError if they are of another one."""
    if weights.name == WEIGHTS:
        return load_model(weights, device=str(next(model.parameters()).device)).requires_grad_(False)
    return Adapters.load(copy.deepcopy(model), weights).merged()


def arm_sheet(recorder: ArmRecorder, record: Record, sheets: SheetStore) -> bytes | None:
    """What a run makes of its validation objects, as WebP; None if neither sheet nor weights are on this machine."""
    weights = weights_of(recorder, record)
    if weights is None and sheets.find(file_name(record)) is None:
        return None
    return _kept(recorder, record, sheets, file_name(record), lambda: tuned_model(recorder.model, weights))


def untouched_sheet(recorder: ArmRecorder, record: Record, sheets: SheetStore) -> bytes:
    """What the model makes of the validation objects of a run without it, as WebP."""
    return _kept(recorder, record, sheets, untouched_name(record), lambda: recorder.model)


def _kept(recorder: ArmRecorder, record: Record, sheets: SheetStore, name: str, model: Callable[[], LRM]) -> bytes:
    return sheets.sheet(name, lambda: rendered_sheet(model(), recorder.data(ARMS[record["object"]]).validation))


def gallery_html(objects: Sequence[str], views: Sequence[int], sheets: Mapping[str, bytes | None]) -> str:
    """One object in one view by two methods, one over the other with a slider between them, beside the first method.

    What is picked stands in the address, so that it can be linked. Without scripts every object is shown by every
    method in the first view. The sheets of the methods are WebP with objects as rows and views as columns, the truth
    first; those that are None are left out.
    """
    there = {method: sheet for method, sheet in sheets.items() if sheet is not None}
    assets = files("lrm_core.page") / "assets"
    look, script = ((assets / f"gallery.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    held = (f"data:image/webp;base64,{base64.b64encode(sheet).decode()}" for sheet in there.values())
    pictures = "\n".join(f".lrm-gallery .sheet{at}{{background-image:url({url})}}" for at, url in enumerate(held))
    return (
        '<div class="lrm-gallery" data-name="gallery" role="group" aria-label="Gallery of renders" '
        f'style="--columns:{len(views)};--rows:{len(objects)}"><style>{look}{pictures}</style>'
        f"{_picker(objects, views, list(there))}"
        '<div class="stage" hidden><div class="stack" role="img"><span></span><span></span></div>'
        f'<div class="beside" role="img"><span class="sheet0"></span><p>{escape(next(iter(there)))}</p></div></div>'
        f"{_still(objects, there)}<script>{script}</script></div>"
    )


def _picker(objects: Sequence[str], views: Sequence[int], methods: Sequence[str]) -> str:
    """What is chosen; hidden until the script is there to serve it."""
    last = len(methods) - 1
    return (
        '<form class="picker" hidden>'
        f"<label>Object <select name=object>{_options(objects)}</select></label>"
        '<button type="button" value="-1" aria-label="Previous object">←</button>'
        '<button type="button" value="1" aria-label="Next object">→</button>'
        f"<label>View <select name=view>{_options(views)}</select></label>"
        f"<label>Left <select name=left>{_options(methods, min(1, last))}</select></label>"
        f"<label>Right <select name=right>{_options(methods, min(3, last))}</select></label>"
        '<label>Left shown, % <input type="range" name="cut" min="0" max="100" value="50"></label></form>'
    )


def _options(words: Sequence[object], chosen: int = 0) -> str:
    return "".join(
        f'<option value="{number}"{" selected" if number == chosen else ""}>{escape(str(word))}</option>'
        for number, word in enumerate(words)
    )


def _still(objects: Sequence[str], sheets: Mapping[str, bytes]) -> str:
    """The first view of every object by every method, for pages without scripts."""
    sections = ""
    for row, name in enumerate(objects):
        height = f"{100 * row / max(len(objects) - 1, 1):.6g}%"
        cells = "".join(
            f'<div><span class="sheet{number}" role="img" aria-label="{escape(f"{name}: {method}")}" '
            f'style="background-position:0% {height}"></span>{"" if row else f"<p>{escape(method)}</p>"}</div>'
            for number, method in enumerate(sheets)
        )
        sections += f"<section><p>{escape(name)}</p>{cells}</section>"
    return f'<div class="still">{sections}</div>'


def _sheets(chapter: ArmPage, arms: Sequence[str]) -> tuple[list[str], dict[str, bytes | None]]:
    """Names of the validation objects, and the sheets of the truth, the untouched model and seed 0 of each arm.

    A sheet is None where neither pictures nor weights of an arm are on this machine.
    """
    recorder = arm_recorder(chapter.plan)
    made, store = {arm: chapter.record(arm) for arm in arms}, SheetStore()
    known = next(record for record in [*made.values(), *chapter.records] if record)
    items = (load_object(folder).averaged(chapter.plan.side) for folder in recorder.validation)
    truth = [item.views(EVALUATION_VIEWS).images for item in items]
    sheets = {TRUTH: contact_sheet(truth), UNTOUCHED: untouched_sheet(recorder, known, store)}
    for arm, record in made.items():
        sheets[ARMS[arm].label] = record and arm_sheet(recorder, record, store)
    return [folder.name for folder in recorder.validation], sheets


def arms_gallery(chapter: ArmPage, arms: Sequence[str] = PICTURED) -> str:
    """`gallery_html` of the validation objects."""
    names, sheets = _sheets(chapter, arms)
    return gallery_html(names, EVALUATION_VIEWS, sheets)


def before_and_after(chapter: ArmPage) -> tuple[str, pd.DataFrame]:
    """The objects that all weights harm, before, after adapters and after all weights, and in truth, a row for each.

    Of one of the scored views, cut to the object; with the change of L1 of each over all of them.
    """
    arms = [arm for arm in ("lora_mse", "full_mse") if chapter.record(arm)]
    names, sheets = _sheets(chapter, arms)
    words = {ARMS[arm].label: kind(arm) for arm in arms} | {TRUTH: TRUTH}
    column, shape = len(EVALUATION_VIEWS) // 2, (len(names), len(EVALUATION_VIEWS))
    rows, data = "", []
    for name in harmed(chapter.table, chapter.groups):
        changed = {ARMS[arm].label: float(changes(chapter.runs, arm, "l1").loc[name].mean()) for arm in arms}
        shown = {
            caption + (f": L1 {signed(changed[method])}" if method in changed else ""): picture_at(
                sheets[method], (names.index(name), column), shape
            )
            for method, caption in ({UNTOUCHED: f"{name.removeprefix('cc0_')}, {UNTOUCHED}"} | words).items()
            if sheets[method] is not None
        }
        rows += image_row(cut_to_object(shown), name)
        data.append({"object": name} | changed)
    return rows, pd.DataFrame(data)


def signed(change: float) -> str:
    """A change in percent with its sign."""
    return f"{'+' if change > 0 else ''}{number(100 * change, 0)}%"
