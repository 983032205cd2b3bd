"""The mini model as scripts beside the pages: a page of a local file may load scripts, and nothing else."""

import base64
import gzip
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from lrm_core import load_model
from lrm_core.atomic import replacing
from lrm_core.fingerprint import sha256
from lrm_core.model.lrm import LRM
from lrm_core.page.viewer.quantise import Packed, pack

MODEL = "mini"
FOLDER = "mini_model"  # of the scripts, among the static files of the site
PART = 1_000_000  # bytes, compressed, of a script; the bar moves with each
TABLES = ("pos_embed", "register_tokens", "cls_token")  # rows of these are tokens, not outputs of a layer
EXACT = ("upsampler.", "synthesizer.")  # few, and what rounding them does is seen most: a row for each value


class Carried(NamedTuple):
    """A model as the texts of scripts.

    Attributes:
        about: `parts`, `bytes` (of the scripts), `unpacked`, and the `sha256` of what they hold; JSON-ready.
        scripts: each calls `lrmModel(number, text)`, the text in base 85; the first holds `tensors` and `config` too.
    """

    about: dict[str, Any]
    scripts: tuple[str, ...]


def packed_model(model: LRM) -> Packed:
    """All parameters: eight bits with a step of its own for each output of a layer and each token, or exact."""
    return pack({name: (value, _rows(name, value)) for name, value in model.state_dict().items()})


def _rows(name: str, value: Tensor) -> int:
    if name.startswith(EXACT):
        return value.ndim
    return value.ndim - 1 if name.rpartition(".")[2] in TABLES else 1


@cache
def carried() -> Carried:
    """The mini model for the page.

    Raises:
        FileNotFoundError, ValueError: as `load_model`.
    """
    model = load_model(MODEL)
    packed = packed_model(model)
    compressed = gzip.compress(packed.data, mtime=0)
    parts = [compressed[start : start + PART] for start in range(0, len(compressed), PART)]
    head = json.dumps({"tensors": dict(packed.directory), "config": asdict(model.config)})
    scripts = [
        f'lrmModel({number}, "{base64.b85encode(part, pad=True).decode()}"{"" if number else ", " + head});\n'
        for number, part in enumerate(parts)
    ]
    about = {
        "parts": len(parts),
        "bytes": sum(map(len, scripts)),
        "compressed": len(compressed),
        "sha256": sha256(packed.data),
    }
    return Carried(about, tuple(scripts))


def write_scripts(folder: Path) -> list[Path]:
    """The scripts as files of a folder, `0.js` and so on; those that are there already are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}.js" for number in range(len(carried().scripts))]
    for file, script in zip(files, carried().scripts, strict=True):
        if not file.is_file() or file.read_text(encoding="ascii") != script:
            with replacing(file) as temporary:
                temporary.write_text(script, encoding="ascii")
    return files
