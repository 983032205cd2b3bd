"""Models from files and from the hub: safetensors with the configuration inside or in a `config.json`."""

import errno
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lrm_core.atomic import save_tensors
from lrm_core.model.config import HUB_OWNER, MINI_NAME, PRESETS, LRMConfig
from lrm_core.model.lrm import LRM, check_state
from lrm_core.paths import data_dir

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
LICENCE_NOTE = "The OpenLRM weights are licensed CC BY-NC 4.0: research and other non-commercial use only."


def load_model(name: str | Path, device: str | torch.device = "cpu") -> LRM:
    """A model ready for prediction, in float32 and in evaluation mode.

    Args:
        name: "mini" (in this repository), a published name such as "openlrm-mix-base-1.1" (fetched from
            the hub, or from its cache), a checkpoint file of `save_checkpoint`, or a folder that holds
            `config.json` and `model.safetensors`.
        device: where the parameters go.

    Raises:
        ValueError: if the name is unknown, the file is truncated, foreign or not finite, or there is no such device.
        FileNotFoundError: if the file is missing, or the hub cannot be reached and nothing is cached.
        OSError: if there is no space for what is fetched.
    """
    _check_device(torch.device(device))
    path = _locate(name)
    weights = path / WEIGHTS if path.is_dir() else path
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: no such checkpoint; expected a safetensors file")
    metadata, state = _read(weights)
    config = _config(path / CONFIG) if path.is_dir() else _embedded_config(weights, metadata)
    return _build(config, state, weights).to(device).eval()


def save_checkpoint(
    model: LRM,
    path: Path,
    dtype: torch.dtype = torch.float16,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write parameters and configuration to one safetensors file; an old file stays until the new is whole.

    Args:
        model: of any sizes, on any device.
        path: the file; its folder is made where missing.
        dtype: type of the stored parameters; `load_model` reads any into float32.
        metadata: further text for the header, such as steps and data.

    Raises:
        ValueError: if a parameter is not finite in `dtype`; nothing is then written.
        OSError: if the file cannot be written.
    """
    state = {
        name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in model.state_dict().items()
    }
    _check_finite(state, f"{path}: not written")
    header = {**(metadata or {}), "format": "pt", "config": json.dumps(model.config.to_dict())}
    save_tensors(path, state, header)


def read_metadata(path: Path) -> dict[str, str]:
    """Text in the header of a checkpoint file: its configuration and what `save_checkpoint` was given.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a whole safetensors file ({error}); it may be truncated, copy or download it again"
        ) from error


def _check_device(device: torch.device) -> None:
    """Raise ValueError for a CUDA device where there is none."""
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device {device}: PyTorch {torch.__version__} sees no CUDA GPU here; choose the device cpu "
            "(slow for the published models), or install a CUDA build of that version"
        )


def _locate(name: str | Path) -> Path:
    """Checkpoint file or folder that `name` stands for."""
    if str(name) == MINI_NAME:
        return data_dir() / "mini" / "mini.safetensors"
    if str(name) in PRESETS:
        return _download(str(name))
    path = Path(name)
    if len(path.parts) == 1 and path.suffix != ".safetensors" and not path.exists():
        known = ", ".join(PRESETS)
        raise ValueError(f"unknown model {str(name)!r}: known are {known}, or the path of a checkpoint")
    return path


def _download(name: str) -> Path:
    """Folder of a published model in the hub's cache, fetched where it is not there yet."""
    from huggingface_hub import snapshot_download

    repository, files = f"{HUB_OWNER}/{name}", [CONFIG, WEIGHTS]
    try:
        cached = Path(snapshot_download(repository, allow_patterns=files, local_files_only=True))
        if all((cached / file).is_file() for file in files):
            return cached
    except FileNotFoundError:  # nothing cached; the hub's own error derives from it
        pass
    print(f"Downloading {repository}. {LICENCE_NOTE}", file=sys.stderr)
    try:
        return Path(snapshot_download(repository, allow_patterns=files))
    except Exception as error:  # the hub's client raises a dozen unrelated types when there is no network
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise FileNotFoundError(
            f"{repository} could not be downloaded and is not in the local cache ({type(error).__name__}): "
            f"connect to the network once, or pass the path of a folder with {CONFIG} and {WEIGHTS}"
        ) from error


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header text and tensors, in float32."""
    metadata = read_metadata(path)
    with safe_open(path, framework="pt") as file:
        return metadata, {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118


def _config(path: Path) -> LRMConfig:
    """Configuration in a `config.json`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected OpenLRM's configuration beside {WEIGHTS}")
    return _parsed_config(path.read_text(encoding="utf-8"), path)


def _embedded_config(path: Path, metadata: Mapping[str, str]) -> LRMConfig:
    """Configuration in the header of a checkpoint file."""
    if "config" not in metadata:
        raise ValueError(
            f"{path}: no model configuration in its header; expected a file of save_checkpoint, "
            f"or pass its folder if a {CONFIG} lies beside {WEIGHTS}"
        )
    return _parsed_config(metadata["config"], path)


def _parsed_config(text: str, path: Path) -> LRMConfig:
    """Configuration in JSON `text` of the file `path`."""
    try:
        config: Any = json.loads(text)
        return LRMConfig.from_openlrm(config)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not the configuration of an LRM: {error}") from error


def _build(config: LRMConfig, state: dict[str, Tensor], path: Path) -> LRM:
    """Model whose parameters are the tensors of `state`, without a second copy of them."""
    with torch.device("meta"):
        model = LRM(config)
    try:
        check_state(state, {name: tensor.shape for name, tensor in model.state_dict().items()})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    _check_finite(state, f"{path}: damaged checkpoint")
    model.load_state_dict(state, assign=True)
    return model


def _check_finite(state: Mapping[str, Tensor], where: str) -> None:
    """Raise a ValueError that begins with `where` if any parameter holds NaN or infinity."""
    broken = [name for name, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        raise ValueError(f"{where}: {len(broken)} parameters hold NaN or infinity, first {broken[0]}")
