"""Oracle triplanes (E1), fitted once and shared by the experiments through a cache on disk."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from lrm_core.atomic import alone, save_tensors
from lrm_core.canonical import canonical_json, plain
from lrm_core.files import check_listed, parse_json, read_tensors, sha256
from lrm_core.fit import fit_oracle
from lrm_core.fit.oracle import PUBLISHED_EPS, PUBLISHED_LR, OracleFit
from lrm_core.model.lrm import LRM, model_hash
from lrm_core.objects import RenderedObject, Source
from lrm_core.objects.dataset import data_hash
from lrm_core.paths import data_dir, repository_root
from lrm_core.render import Rendering, render_views
from lrm_core.render.cameras import Views

Planes = Float[Tensor, "3 c r r"]
Images = Float[Tensor, "views 3 h w"]
Start = Literal["predicted", "random", "null"]
STARTS: tuple[Start, ...] = ("predicted", "random", "null")
HELDOUT_EVERY = 4


@dataclass(frozen=True)
class OracleConfig:
    """How oracles are fitted."""

    iterations: int = 2000
    lr: float = PUBLISHED_LR  # of Adam; it falls to 1% of that along a cosine
    eps: float = PUBLISHED_EPS
    rays_per_step: int | None = 4096  # random ones; None together with `views_per_step`
    views_per_step: int | None = None  # whole views instead (4 as published)
    random_scale: float = 0.1  # standard deviation of the random start
    definition: int = 1  # raised whenever the fit itself changes, so that older oracles count as stale


@dataclass(frozen=True)
class OnOracles:
    """What the configurations of experiments on oracles share: how T_ref is fitted.

    `definition` is raised whenever what is measured changes, so that older records count as stale.
    """

    oracle: OracleConfig = OracleConfig()
    definition: int = 1


@dataclass(frozen=True)
class InViews(OnOracles):
    """The same for those that render: at most so many held-out `views`."""

    views: int = 8


def save_oracle(path: Path, fitted: OracleFit) -> None:
    """Write an oracle to a safetensors file, its history into the header."""
    planes = fitted.planes.cpu().contiguous()
    save_tensors(path, {"planes": planes}, {"history": json.dumps(fitted.history)})


def load_oracle(path: Path) -> OracleFit:
    """A saved oracle; ValueError naming the file, if it is damaged or another's: it can be fitted again."""
    check_listed(path)
    tensors, header = read_tensors(path, "it is fitted again")
    planes, history = tensors.get("planes"), parse_json(header.get("history", "null"), path)
    if planes is None or planes.ndim != 4 or len(planes) != 3 or not isinstance(history, dict):
        raise ValueError(f"{path}: expected planes (3, C, R, R) and the history of their fit; it is fitted again")
    return OracleFit(planes, history)


@dataclass(frozen=True)
class OracleCache:
    """Where fitted oracles are kept: their file names are fingerprints of all that decides them.

    `shipped`, those of the repository, are only read. Files from before `newer_than`, in Unix time, are ignored, so
    that a refresh fits each oracle once more.
    """

    folder: Path = field(default_factory=lambda: repository_root() / ".cache" / "oracles")
    shipped: Path = field(default_factory=lambda: data_dir() / "mini" / "oracles")
    newer_than: float = 0.0

    def find(self, fingerprint: str) -> Path | None:
        """The file of an oracle, if there is one."""
        for path in (self.path(fingerprint), self.shipped / f"{fingerprint}.safetensors"):
            if path.exists() and path.stat().st_mtime >= self.newer_than:
                return path
        return None

    def path(self, fingerprint: str) -> Path:
        """Where an oracle is written."""
        return self.folder / f"{fingerprint}.safetensors"


def split_views(item: RenderedObject) -> tuple[list[int], list[int]]:
    """Training and held-out views: every fourth is held out, from the fourth on, so view 0 is trained on."""
    count = len(item.images)
    heldout = list(range(HELDOUT_EVERY - 1, count, HELDOUT_EVERY))
    return [index for index in range(count) if index not in heldout], heldout


def heldout_views(item: RenderedObject, views: int) -> Views:
    """The first so many held-out views of an object; ValueError if that leaves none."""
    chosen = split_views(item)[1][:views]
    if not chosen:
        found = f"{len(item.images)} views in all and {views} wanted"
        raise ValueError(f"{item.name}: expected at least one held-out view, found {found}")
    return item.views(chosen)


@torch.no_grad()
def predicted_planes(model: LRM, item: RenderedObject) -> Planes:
    """T_pred from view 0, of an encoder that is told and shown what `item.source` says.

    ValueError if the images do not have the source size of the model.
    """
    size = model.config.source_size
    if item.images.shape[-2:] != (size, size):
        found = "x".join(map(str, item.images.shape[-2:]))
        raise ValueError(f"{item.name}: expected images of {size}x{size} pixels for this model, found {found}")
    device = next(model.parameters()).device
    image, camera = item.source_image().to(device), item.source_camera().to(device)
    return model.predict_planes(image, camera)[0].float()


@torch.no_grad()
def render_planes(model: LRM, planes: Planes, cameras: Float[Tensor, "v 25"], resolution: int) -> Rendering:
    """Views of one triplane on white, deterministic, with the samples per ray of the model."""
    samples = model.config.rendering_samples_per_ray
    cameras = cameras.to(planes.device)
    seen = render_views(planes[None], model.decoder, cameras[None], resolution, samples_per_ray=samples)
    return Rendering(seen.rgb[0], seen.depth[0], seen.weight[0])


def render_images(model: LRM, planes: Planes, cameras: Float[Tensor, "v 25"], resolution: int) -> Images:
    """The colours of `render_planes`."""
    return render_planes(model, planes, cameras, resolution).rgb


def render_like(model: LRM, planes: Planes, views: Views) -> Images:
    """The colours of `render_planes` from the cameras of these views, as large as their images and where they are."""
    seen = render_images(model, planes, views.cameras, views.images.shape[-1])
    return seen.to(views.images.device)


def oracle(
    model: LRM,
    item: RenderedObject,
    start: Start,
    config: OracleConfig,
    seed: int,
    cache: OracleCache | None = None,
    on_step: Callable[[int], None] | None = None,
) -> OracleFit:
    """The oracle of an object, from the cache if it was fitted before.

    Args:
        start: "predicted" begins at T_pred, "random" at N(0, random_scale^2); "null" begins at T_pred and
            fits 8-bit renders of T_pred itself: its true residual is 0, what it leaves is noise of the fit.
        seed: of the random start and of the ray batches.
        on_step: of a fit, as in `fit_oracle`.
    """
    if start not in STARTS:
        raise ValueError(f"unknown start {start!r}; expected one of {', '.join(STARTS)}")
    cache = cache or OracleCache()
    fingerprint = oracle_fingerprint(model, item, start, config, seed)
    fitted = find_oracle(cache, fingerprint, model)
    if fitted is None:
        with alone(cache.path(fingerprint).with_suffix(".lock")):
            fitted = find_oracle(cache, fingerprint, model)  # that another run made meanwhile
            if fitted is None:
                fitted = _fit(model, item, start, config, seed, on_step)
                save_oracle(cache.path(fingerprint), fitted)
    device = next(model.parameters()).device
    return OracleFit(fitted.planes.to(device), fitted.history)


def find_oracle(cache: OracleCache, fingerprint: str, model: LRM) -> OracleFit | None:
    """A whole oracle of the cache with planes as the model has; says which file is damaged, if one is."""
    path, size = cache.find(fingerprint), model.config
    if path is None:
        return None
    try:
        found = load_oracle(path)
        wanted = (3, size.triplane_dim, size.triplane_high_res, size.triplane_high_res)
        if found.planes.shape != wanted:
            raise ValueError(f"{path}: expected planes {wanted}, found {tuple(found.planes.shape)}")
    except ValueError as damaged:
        tqdm.write(f"to be made again: {damaged}")
        return None
    return found


def both_planes(
    model: LRM, item: RenderedObject, config: OracleConfig, seed: int, cache: OracleCache | None
) -> tuple[Planes, Planes]:
    """T_pred, and T_ref: the oracle that begins there."""
    return predicted_planes(model, item), oracle(model, item, "predicted", config, seed, cache).planes


def oracle_fingerprint(model: LRM, item: RenderedObject, start: Start, config: OracleConfig, seed: int) -> str:
    """Digest of all that decides an oracle: weights, data, start, configuration, seed.

    A fit from noise knows nothing of a prediction, so that what the encoder was told does not count there.
    """
    if start == "random":
        item = replace(item, source=Source())
    deciding = {
        "model_hash": model_hash(model),
        "data_hash": data_hash(item),
        "start": start,
        "seed": seed,
        "configuration": asdict(config),
    }
    return sha256(canonical_json(plain(deciding)))[:24]


@torch.enable_grad()
def _fit(
    model: LRM,
    item: RenderedObject,
    start: Start,
    config: OracleConfig,
    seed: int,
    on_step: Callable[[int], None] | None,
) -> OracleFit:
    predicted = predicted_planes(model, item)
    begin = predicted
    if start == "random":
        noise = torch.randn(predicted.shape, generator=torch.Generator().manual_seed(seed))
        begin = config.random_scale * noise.to(predicted.device)
    train, heldout = (targets(model, item, indices, start, predicted) for indices in split_views(item))
    fitted = fit_oracle(
        begin,
        model.decoder,
        train,
        heldout=heldout,
        **{name: getattr(config, name) for name in ("iterations", "lr", "eps", "rays_per_step", "views_per_step")},
        samples_per_ray=model.config.rendering_samples_per_ray,
        seed=seed,
        progress=sys.stderr.isatty(),
        on_step=on_step,
    )
    return OracleFit(fitted.planes, plain(fitted.history))


def targets(model: LRM, item: RenderedObject, indices: list[int], start: Start, predicted: Planes) -> Views:
    """What an oracle from that start is fitted to: true images, or 8-bit renders of T_pred for "null"."""
    views = item.views(indices)
    if start != "null":
        return views
    images = render_like(model, predicted, views)
    return Views((images.clamp(0, 1) * 255).round() / 255, views.cameras)
