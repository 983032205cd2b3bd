"""Studies of one's own rendered objects: the planes, tables and figures of each in a folder of its own.

What is computed is that of the experiments; each study returns a line on what it found.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from plotly.offline import get_plotlyjs
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import replacing, save_tensors
from lrm_core.canonical import plain
from lrm_core.files import read_tensors
from lrm_core.findings.prose import number, percent
from lrm_core.measure.e05_residual_spectrum import AUDITED_EDGES, spectrum_summary
from lrm_core.measure.e06_response import DecoderResponse, views_renderer
from lrm_core.measure.e12_test_time import LatentOptimisation, summary, way
from lrm_core.measure.metrics import BANDS
from lrm_core.measure.oracles import OracleConfig, Start, oracle, oracle_fingerprint, predicted_planes
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.page.elements.plots import Curve, curves
from lrm_core.page.elements.style import COLOURS
from lrm_core.spectral import response
from lrm_core.spectral.bands import profile_radii

Planes = Float[Tensor, "3 c r r"]
PLANES = "planes.safetensors"
PALETTE = ("real", "pred", "procedural", "predinit", "random")


def read_planes(path: Path) -> Planes:
    """The tensor "planes" (3, C, R, R) of a safetensors file, such as `lrm oracle` writes.

    FileNotFoundError if there is no such file; ValueError if it holds no such tensor.
    """
    tensors, _ = read_tensors(path, "expected planes, such as `lrm oracle` writes")
    if "planes" not in tensors:
        raise ValueError(f"{path}: expected a safetensors file with a tensor 'planes'")
    planes = tensors["planes"].float()
    if planes.ndim != 4 or len(planes) != 3 or planes.shape[-1] != planes.shape[-2]:
        raise ValueError(f"{path}: expected planes of shape (3, C, R, R), found {tuple(planes.shape)}")
    return planes


def saved_residual(path: Path | None, reference: Path | None) -> Planes:
    """Saved planes, less those of a reference if there is one; raises as `read_planes`.

    ValueError also if only the reference is given, or the shapes differ.
    """
    if path is None:
        raise ValueError(f"{reference}: a reference needs planes to subtract it from; give --triplane-path")
    planes = read_planes(path)
    if reference is None:
        return planes
    subtracted = read_planes(reference)
    if planes.shape != subtracted.shape:
        shapes = f"{tuple(planes.shape)} as in {path}, found {tuple(subtracted.shape)}"
        raise ValueError(f"{reference}: expected planes of shape {shapes}")
    return planes - subtracted


def study_test_time(
    model: LRM, item: RenderedObject, folder: Path, config: LatentOptimisation, variants: Iterable[str], seed: int
) -> str:
    """Optimise an object at test time (E12): a file of planes for each variant, the way of all as a table."""
    rows, lines, said = [], {}, []
    write_planes(folder / "predicted.safetensors", predicted_planes(model, item))
    for name, colour in zip(variants, PALETTE, strict=False):
        points = list(way(model, item, config, seed, name))
        measured = [point.measured for point in points]
        found = summary(measured)
        write_planes(folder / f"{name}.safetensors", points[-1].planes, history=json.dumps(plain(measured)))
        rows += [{"variant": name} | row for row in measured]
        changes = [row["l1"] / measured[0]["l1"] - 1 for row in measured]
        lines[name] = [row["step"] for row in measured], changes, colour
        said.append(
            f"{name} L1 {percent(found['end']['l1'])}, LPIPS {percent(found['end']['lpips'])} "
            f"(stopped at step {found['stopped']['step']}: {percent(found['stopped']['l1'])}, "
            f"{percent(found['stopped']['lpips'])})"
        )
    alt = f"Change of L1 in held-out views of {item.name} along the steps."
    write_table(folder / "path.csv", pd.DataFrame(rows))
    write_figure(folder / "path.html", lines, ("step", "change of L1, over the start"), alt)
    return "; ".join(said)


def study_oracle(
    model: LRM, item: RenderedObject, folder: Path, config: OracleConfig, start: Start, seed: int
) -> str:
    """Fit an oracle (E1), unless the folder has it already: its planes, and how the fit went as a table."""
    fingerprint = oracle_fingerprint(model, item, start, config, seed)
    if _fingerprint(folder / PLANES) == fingerprint:
        return "kept, fitted before with these settings"
    fitted = oracle(model, item, start, config, seed)
    history = pd.DataFrame(fitted.history)
    shown = {"train_psnr": ("training rays", "predinit"), "heldout_psnr": ("held-out views", "procedural")}
    lines = {label: (history["step"], history[column], colour) for column, (label, colour) in shown.items()}
    write_table(folder / "history.csv", history)
    write_figure(folder / "history.html", lines, ("step", "PSNR (dB)"), f"PSNR of {item.name}.")
    texts = {"history": json.dumps(fitted.history), "fingerprint": fingerprint}
    write_planes(folder / PLANES, fitted.planes, **texts)  # last: what says that the object is finished
    last = history.iloc[-1]
    return f"held-out PSNR {number(last['heldout_psnr'])} dB after {last['step']:.0f} steps"


def study_spectrum(residual: Planes, folder: Path) -> str:
    """Spectrum of planes or of a residual (E5): shares of the bands and radial profile as tables."""
    found = spectrum_summary(residual)
    write_table(folder / "shares.csv", pd.DataFrame([{"measure": of} | found[of] for of in ("published", "power")]))
    radii, power = profile_radii(residual.shape[-1]).tolist(), found["profile"].cpu()
    profile = {"x_nyquist": radii, "power": power, "amplitude": found["amplitude_profile"].cpu()}
    write_table(folder / "profile.csv", pd.DataFrame(profile))
    lines, axes = {"mean power of a mode": (radii, power.tolist(), "procedural")}, ("frequency (× Nyquist)", "power")
    write_figure(folder / "spectrum.html", lines, axes, "Radial power spectrum.", log_y=True)
    low, *_, high = BANDS
    edges = f"below {AUDITED_EDGES[1]:g} and from {AUDITED_EDGES[-2]:g} × Nyquist"
    shared = " and ".join(percent(found["power"][band]) for band in (low, high))
    amplitude = " and ".join(percent(found["published"][band]) for band in (low, high))
    return f"{shared} of the power {edges} (by amplitude, as published: {amplitude})"


@torch.no_grad()
def study_response(
    model: LRM, item: RenderedObject, planes: Planes, folder: Path, config: DecoderResponse, seed: int
) -> str:
    """Response of decoder and renderer to the published noise around some planes (E6), as a table."""
    noise = torch.Generator().manual_seed(seed)
    render = views_renderer(model, item, config.views)
    h = response(planes, render, config.edges, config.published_std, config.draws, noise).cpu()
    found = {"response": h.mean(0), "std_of_draws": h.std(0)}
    table = pd.DataFrame({"low": config.edges[:-1], "high": config.edges[1:]} | found)
    centres = ((table["low"] + table["high"]) / 2).tolist()
    lines = {"response": (centres, table["response"], "procedural")}
    axes = ("frequency of the noise (× Nyquist)", "mean change over the noise")
    write_table(folder / "response.csv", table)
    write_figure(folder / "response.html", lines, axes, f"Response by frequency of {item.name}.")
    first, last = table["response"].iloc[0], table["response"].iloc[-1]
    return f"H {first:.3g} in the first and {last:.3g} in the last of {len(table)} bins"


def write_planes(path: Path, planes: Planes, **texts: str) -> None:
    """Planes under the name "planes", with texts in the header."""
    save_tensors(path, {"planes": planes.detach().cpu().contiguous()}, texts)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """A CSV file of six significant digits."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")


def write_figure(
    path: Path, lines: Mapping[str, tuple[Sequence, Sequence, str]], axes: tuple[str, str], alt: str, **look: bool
) -> None:
    """Lines (x, y, colour) as HTML that reads `plotly.min.js` from its folder, where it is put if it is not whole."""
    drawn = [Curve(name, x, y, COLOURS[colour], width=2.5) for name, (x, y, colour) in lines.items()]
    script, code = path.with_name("plotly.min.js"), get_plotlyjs().encode()
    if not script.is_file() or script.read_bytes() != code:
        with replacing(script) as temporary:
            temporary.write_bytes(code)
    with replacing(path) as temporary:
        curves(drawn, axes, alt, **look).write_html(temporary, include_plotlyjs="directory")


def _fingerprint(path: Path) -> str | None:
    """Of the settings that finished planes were made with; None without a whole file."""
    if not path.is_file():
        return None
    try:
        return read_tensors(path, "they are fitted again")[1].get("fingerprint")
    except ValueError as damaged:
        tqdm.write(f"to be made again: {damaged}")
        return None
