"""Commands that re-run the paper: notebooks, site, records, verdicts."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from lrm_core.cli.options import CLUSTER, GPUS, PROFILE, REFRESH, at_once, cluster_of, output_dir


@click.command()
@PROFILE
@click.option("--notebook", help='Only the notebook whose name starts so, such as "02".')
@REFRESH
@click.option("--device", help="cpu or cuda; the profile's own by default.")
def reproduce(profile: str, notebook: str | None, refresh: bool, device: str | None) -> None:
    """Run the notebooks through papermill; those with nothing changed are kept."""
    from lrm_core.profiles import get_profile
    from lrm_core.records.plan import check_memory
    from lrm_core.reexecute import chapters, reexecute

    device = device or get_profile(profile).device
    check_memory(get_profile(profile), device)
    reexecute(chapters(profile, device=device, notebook=notebook, refresh=refresh), report=click.echo)


@click.command()
@PROFILE
@click.option("--gpus", type=click.IntRange(1), help="So many of the device at hand; all here by default.")
@click.option("--device", default="cpu", help="cpu or cuda; what is measured.")
def plan(profile: str, gpus: int | None, device: str) -> None:
    """Measure for a few seconds what things cost here; print hours, memory and disk of a profile's stages."""
    import torch

    from lrm_core.profiles import get_profile
    from lrm_core.records.plan import GIB, measure_costs, needed_memory, plan_costs

    wanted = get_profile(profile)
    torch.set_num_threads(1)
    costs, words = measure_costs(wanted, device)
    here = torch.cuda.device_count() if device == "cuda" else len(os.sched_getaffinity(0))
    click.echo(
        f"Measured with {words}: {costs.look:.2f} s a prediction with six views, "
        f"{1000 * costs.ray:.3f} ms a ray of an oracle's step."
    )
    for count in dict.fromkeys((here, gpus or here)):
        kind = "GPUs" if device == "cuda" else "cores"
        click.echo(f"\nOn {count} such {kind}:")
        click.echo(plan_costs(wanted, costs, count).to_string(index=False, float_format="%.2f"))
    click.echo(f"\nMemory: up to {needed_memory(wanted) / GIB:.1f} GiB in a process.")


@click.command()
@PROFILE
def site(profile: str) -> None:
    """Build the pages from the executed notebooks into _build/html."""
    from lrm_core.site import build_site

    built = build_site(profile)
    click.echo(f"{'Up to date' if built.cached else f'Built in {built.seconds:.1f} s'}: {built.index}")
    click.echo("Open that file in a browser, or serve it and open http://localhost:8000:")
    click.echo(f"  {sys.executable} -m http.server -d {built.index.parent} 8000")


@click.command()
@PROFILE
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="_build/book.pdf by default.")
def pdf(profile: str, out: Path | None) -> None:
    """Print the site into one PDF with still figures, through Chromium."""
    from lrm_core.site import build_site, print_book, reading_order

    built = build_site(profile)
    out = out or built.index.parents[1] / "book.pdf"
    sheets = print_book(built.index.parent, out, reading_order())
    click.echo(f"{sheets} pages: {out}")


@click.command()
@PROFILE
@click.option("--experiment", "experiments", multiple=True, help="Such as e02_basins; every one by default.")
@REFRESH
@at_once("Objects")
@CLUSTER
@GPUS
def records(
    profile: str, experiments: tuple[str, ...], cluster: str | None, gpus_per_job: float | None, **how: Any
) -> None:
    """Compute the records of the experiments that are not in the results store yet."""
    from lrm_core.records.runner import record_all

    record_all(profile, experiments or None, cluster=cluster_of(cluster, gpus_per_job, profile), **how)


@click.command()
@PROFILE
@click.option("--object", "objects", multiple=True, help="Such as procedural_10000000; every one by default.")
@click.option("--experiment", "experiments", multiple=True, help="Such as e02_basins; every one by default.")
@output_dir("runs/repeat", "Of new records and oracles.")
@at_once("Objects")
def repeat(profile: str, output_dir: Path, processes: int, **chosen: tuple[str, ...]) -> None:
    """Make records again from nothing, and hold them against the stored ones; resumes. Exit code 1: too far."""
    from lrm_core.findings.repetition import keep_repetition
    from lrm_core.findings.repetition import repeat as make

    which = {name: given or None for name, given in chosen.items()}
    again = make(profile, output_dir / profile, **which, processes=processes)
    tables = keep_repetition(profile, again)
    for table in tables:
        click.echo(table.to_string(index=False) + "\n")
    sys.exit(0 if all(table["passes"].all() for table in tables) else 1)


@click.command()
@PROFILE
@click.option("--arm", "arms", multiple=True, help="Such as lora_freq; every one by default.")
@click.option("--seed", "seeds", type=int, multiple=True, help="Every one by default.")
@REFRESH
@at_once("Runs")
@CLUSTER
@GPUS
def arms(
    profile: str,
    arms: tuple[str, ...],
    seeds: tuple[int, ...],
    cluster: str | None,
    gpus_per_job: float | None,
    **how: Any,
) -> None:
    """Fine-tune the arms of E13 to E15 whose records are not in the results store yet; begun runs resume."""
    from lrm_core.records.arm_runs import record_arms

    record_arms(profile, arms or None, seeds or None, cluster=cluster_of(cluster, gpus_per_job, profile), **how)


@click.command()
def ship() -> None:
    """Keep in data/ the oracles that the chapters measure live, and the adapters of the gallery."""
    from lrm_core.page.shipping import ship_adapters, ship_oracles

    for path in (*ship_oracles(), *ship_adapters()):
        click.echo(path)


@click.command()
@PROFILE
def verdicts(profile: str) -> None:
    """Print what became of each published claim, told the truth and, where that was measured, as published."""
    from lrm_core.page.findings import lines, numbers

    for of in lines(profile):
        click.echo(f"{of.claim:4}{of.title}: {of.verdict}\n    {of.quantity}: {'; '.join(numbers(of))}")
