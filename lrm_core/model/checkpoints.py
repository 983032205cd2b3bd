"""Models from files and from the hub: safetensors, in shards too, with the configuration inside or beside."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lrm_core.atomic import appearing, save_tensors
from lrm_core.files import DIGEST, check_listed, parse_json, read_json, read_tensors
from lrm_core.model.config import HUB_OWNER, MINI_NAME, PRESETS, LRMConfig
from lrm_core.model.hub import CONFIG, PUBLISHED, WEIGHTS, fetch
from lrm_core.model.lrm import LRM, check_state
from lrm_core.paths import data_dir

INDEX = f"{WEIGHTS}.index.json"
PICKLES = (".bin", ".ckpt", ".pt", ".pth")
FLOATS = ("F16", "BF16", "F32", "F64")  # as safetensors names them


def load_model(name: str | Path, device: str | torch.device = "cpu") -> LRM:
    """A model ready for prediction, in float32 and in evaluation mode.

    Args:
        name: "mini" (in this repository), a published name such as "openlrm-mix-base-1.1" (fetched from
            the hub, or from its cache; with its owner before it too), a checkpoint file of `save_checkpoint`, or
            a folder that holds `config.json` and `model.safetensors`, or the shards of that and their index.
        device: where the parameters go.

    ValueError if the name is unknown, the file is truncated, foreign or not finite, or there is no such device;
    FileNotFoundError if the file is missing; for a published name what `lrm_core.model.hub.fetch` raises.
    """
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device {device}: PyTorch {torch.__version__} sees no CUDA GPU here; choose the device cpu "
            "(slow for the published models), or install a CUDA build of that version"
        )
    files = _weights(path := _locate(name))
    return _build(_config(path), files).to(device).eval()


def save_checkpoint(
    model: LRM, path: Path, dtype: torch.dtype = torch.float16, metadata: Mapping[str, str] | None = None
) -> None:
    """Write parameters and configuration to one safetensors file; an old file stays until the new is whole.

    Parameters are stored in `dtype`, and `load_model` reads any into float32; the metadata is further text for the
    header, such as steps and data. ValueError if a parameter is not finite in `dtype`; nothing is then written.
    """
    state = {name: x.detach().to("cpu", dtype).contiguous() for name, x in model.state_dict().items()}
    if broken := [name for name, tensor in state.items() if not tensor.isfinite().all()]:
        raise ValueError(f"{path}: not written: {len(broken)} parameters hold NaN or infinity, first {broken[0]}")
    header = {**(metadata or {}), "format": "pt", "config": json.dumps(model.config.to_dict())}
    save_tensors(path, state, header)


def save_release(model: LRM, folder: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a model in OpenLRM's released format, a folder with config.json and model.safetensors, in float32.

    It appears whole or not at all; FileExistsError if there is something. Other arguments as in `save_checkpoint`.
    """
    if folder.exists():
        raise FileExistsError(f"{folder}: exists already; remove it or choose another place")
    with appearing(folder) as temporary:
        save_checkpoint(model, temporary / WEIGHTS, torch.float32, metadata)
        text = json.dumps(model.config.to_openlrm(), indent=2)
        (temporary / CONFIG).write_text(text + "\n", encoding="utf-8")


def read_metadata(path: Path) -> dict[str, str]:
    """Text in the header of a checkpoint file: its configuration and what `save_checkpoint` was given.

    FileNotFoundError if there is no such file, ValueError if it is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: text for name, text in (file.metadata() or {}).items() if name != DIGEST}
    except SafetensorError as error:
        advice = "it may be truncated, copy or download it again"
        raise ValueError(f"{path}: not a whole safetensors file ({error}); {advice}") from error


def _locate(name: str | Path) -> Path:
    """Checkpoint file or folder that `name` stands for."""
    if str(name) == MINI_NAME:
        mini = data_dir() / "mini" / "mini.safetensors"
        check_listed(mini)
        return mini
    if (short := str(name).removeprefix(f"{HUB_OWNER}/")) in PUBLISHED:
        return fetch(short)
    path = Path(name)
    named = path.name in PUBLISHED or (len(path.parts) == 1 and path.suffix != ".safetensors")
    if named and not path.exists():
        known = f"{', '.join(PRESETS)} (those from the hub with {HUB_OWNER}/ before them too)"
        raise ValueError(f"unknown model {str(name)!r}: known are {known}, or the path of a checkpoint")
    return path.parent if path.name == INDEX else path


def _weights(path: Path) -> list[Path]:
    """The safetensors files, whole, of a model that is one file or a folder; several if an index names shards."""
    weights, index = (path / WEIGHTS, path / INDEX) if path.is_dir() else (path, None)
    sharded = index and index.is_file() and not weights.is_file()
    files = _shards(index) if sharded else [weights]
    near = [] if sharded else [weights] if weights.is_file() else sorted(path.glob("*"))
    if pickles := [file for file in near if file.suffix in PICKLES]:
        raise ValueError(_to_convert(pickles[0], weights.with_name(WEIGHTS)))
    for file in files:
        if not file.is_file():
            listed = f", which {index} lists" if sharded else ""
            raise FileNotFoundError(f"{file}: no such checkpoint{listed}; expected a safetensors file")
        read_metadata(file)
    return files


def _shards(index: Path) -> list[Path]:
    """The files beside an index that hold the parameters together."""
    found = read_json(index)
    names = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(names, dict) or not names or any(Path(str(n)).name != n for n in names.values()):
        raise ValueError(f"{index}: expected an entry weight_map with a file beside it for each parameter")
    return [index.parent / name for name in sorted(set(names.values()))]


def _to_convert(pickle: Path, target: Path) -> str:
    """What to do about weights in a pickle."""
    return (
        f"{pickle}: a pickle, which could run code when read, so it is not; write its tensors to safetensors once: "
        "python -c 'import torch; from safetensors.torch import save_file; "
        f'state = torch.load("{pickle}", weights_only=True, map_location="cpu"); '
        'state = state.get("state_dict", state); '
        f'save_file({{k: v.clone().contiguous() for k, v in state.items()}}, "{target}")\''
    )


def _plain(names: Iterable[str]) -> dict[str, str]:
    """Names by those without what DataParallel and torch.compile put before them, where all have it."""
    plain = {name: name for name in names}
    for prefix in ("_orig_mod.", "module.") * 2:
        if plain and all(name.startswith(prefix) for name in plain):
            plain = {name.removeprefix(prefix): stored for name, stored in plain.items()}
    return plain


def _header(files: Sequence[Path]) -> dict[str, Tensor]:
    """Parameters as the headers of their files list them, on the device "meta": names, shapes, types, no values."""
    listed = {}
    for path in files:
        with safe_open(path, framework="pt") as file:
            here = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        types = {name: part.get_dtype() for name, part in here.items()}
        if foreign := [f"{name} {dtype}" for name, dtype in types.items() if dtype not in FLOATS]:
            found = f"{len(foreign)} parameters are not of type {', '.join(FLOATS)}, first {foreign[0]}"
            raise ValueError(f"{path}: {found}; quantised checkpoints are not read")
        if twice := sorted(listed.keys() & here.keys()):
            raise ValueError(f"{path}: {twice[0]} is in another shard too; the shards are of two checkpoints")
        listed |= here
    return {name: torch.empty(listed[stored].get_shape(), device="meta") for name, stored in _plain(listed).items()}


def _read(files: Sequence[Path]) -> dict[str, Tensor]:
    """Tensors in float32; those of that type stay in the memory map of their file until written to."""
    tensors = {}
    for path in files:
        tensors |= read_tensors(path, "damaged checkpoint, copy or download it again")[0]
    return {name: tensors[stored].float() for name, stored in _plain(tensors).items()}


def _config(path: Path) -> LRMConfig:
    """Configuration in the header of a checkpoint file, or in the `config.json` of a folder."""
    if path.is_file():
        text = read_metadata(path).get("config")
    elif (path := path / CONFIG).is_file():
        text = path.read_bytes().decode("utf-8", errors="replace")
    else:
        raise FileNotFoundError(f"{path}: no such file; expected OpenLRM's configuration beside {WEIGHTS}")
    if text is None:
        raise ValueError(
            f"{path}: no model configuration in its header; expected a file of save_checkpoint, "
            f"or pass its folder if a {CONFIG} lies beside {WEIGHTS}"
        )
    try:
        return LRMConfig.from_openlrm(parse_json(text, path))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: not the configuration of an LRM: {reason}") from error


def _build(config: LRMConfig, files: Sequence[Path]) -> LRM:
    """Model whose parameters are the tensors of files, without a second copy; their headers are checked before."""
    path = files[0] if len(files) == 1 else files[0].parent / INDEX
    with torch.device("meta"):
        model = LRM(config)
    listed = _header(files)
    try:
        check_state(listed, {name: tensor.shape for name, tensor in model.state_dict().items()})
    except ValueError as error:
        beside = f" in {CONFIG} beside it" if (path.parent / CONFIG).is_file() else ""
        raise ValueError(f"{path}: {error}{beside}") from error
    model.load_state_dict(_read(files), assign=True)
    return model
