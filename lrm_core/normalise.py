"""Executed notebooks without what differs from run to run: times, paths, random identifiers."""

import json
import re
import tempfile
from pathlib import Path

import nbformat

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
STANDS_ALONE = "application/vnd.lrm."  # outputs of such a type hold all that the page needs
_KEPT_LANGUAGE_KEYS = ("file_extension", "mimetype", "name", "pygments_lexer")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")
_CELL_FILE = re.compile(re.escape(tempfile.gettempdir()) + r"/ipykernel_\d+/\d+\.py")


def normalise_notebook(notebook: nbformat.NotebookNode, root: Path) -> nbformat.NotebookNode:
    """A copy in which two runs with the same outputs are the same file.

    It has numbered cells and widgets, paths relative to `root`, and none of papermill's and the kernel's timings,
    progress bars and memory addresses. The injected parameters are kept as a cell that the page does not show.
    Widgets whose output stands alone leave no state behind.
    """
    copy = json.loads(nbformat.writes(notebook))
    metadata, language = copy["metadata"], copy["metadata"].get("language_info", {})
    copy["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {key: language[key] for key in _KEPT_LANGUAGE_KEYS if key in language},
    } | {key: metadata[key] for key in metadata if key == "widgets"}
    copy["cells"] = [_cell(cell, index, root) for index, cell in enumerate(copy["cells"])]
    if WIDGET_VIEW not in json.dumps(copy["cells"]):
        copy["metadata"].pop("widgets", None)
    return nbformat.reads(_number_widgets(copy), as_version=4)


def _cell(cell: dict, index: int, root: Path) -> dict:
    tags = cell["metadata"].get("tags", [])
    if "injected-parameters" in tags:
        tags = [*tags, "remove-cell"]
    cell["metadata"] = {"tags": tags} if tags else {}
    cell["id"] = f"cell-{index:03d}"
    if cell["cell_type"] == "code":
        bars = [of for of in cell["outputs"] if of.get("name") == "stderr" and "\r" in "".join(of["text"])]
        cell["outputs"] = [_output(output, root) for output in cell["outputs"] if output not in bars]
    return cell


def _output(output: dict, root: Path) -> dict:
    text = json.dumps(output, ensure_ascii=False).replace(f"{root}/", "").replace(str(root), ".")
    if (home := Path.home()) != Path(home.anchor):  # an account without a home has the root for one
        text = text.replace(str(home), "~")
    output = json.loads(_CELL_FILE.sub("<cell>", text))
    data = output.get("data", {})
    if any(kind.startswith(STANDS_ALONE) for kind in data):
        data.pop(WIDGET_VIEW, None)
    for texts, name in ((output, "text"), (data, "text/plain")):
        if name in texts:
            texts[name] = _ADDRESS.sub("0x…", "".join(texts[name]))
    return output


def _number_widgets(notebook: dict) -> str:
    """The notebook as JSON text with each random widget identifier replaced by its number."""
    state = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    text = json.dumps(notebook)
    for number, identifier in enumerate(state):
        text = text.replace(identifier, f"{number:032x}")
    return text
