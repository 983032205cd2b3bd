"""A page of a local file with the figure, the model beside it and the network cut."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lrm_core import load_model
from lrm_core.model.lrm import LRM
from lrm_core.page.embedded import OWN_PICTURE_JS
from lrm_core.page.own_data.own_picture import OwnPicture, write_scripts

PATIENCE = 240_000  # milliseconds
START = """([state, broken]) => {
  const source = broken ? broken + WORKER : WORKER, place = document.querySelector("#place");
  globalThis.figure?.close();
  globalThis.figure = new OwnPicture(pageModel(state), place, new Engine(source, state.about));
}"""
TAKE = """async (text) => {
  await figure.take(new Blob([fromBase64(text)]));
  return [figure.root.dataset.stage, figure.said.textContent];
}"""


@pytest.fixture(scope="session")
def mini() -> LRM:
    return load_model("mini").eval().requires_grad_(False)


class Shown:
    """The figure in the page."""

    def __init__(self, page: Any, state: dict[str, Any]) -> None:
        self.page, self.state = page, state
        self.start()

    def start(self, broken: str = "", **changes: Any) -> None:
        """A new figure; `broken` runs in its worker before anything else."""
        self.page.evaluate(START, [self.state | changes, broken])

    def take(self, content: bytes) -> tuple[str, str]:
        """Give it a picture, wait: its stage, and what it says."""
        return tuple(self.page.evaluate(TAKE, base64.b64encode(content).decode()))

    def planes(self) -> torch.Tensor:
        """What it built."""
        shape, values = self.page.evaluate("[figure.planes.shape, [...figure.planes.values]]")
        return torch.tensor(values).reshape(shape)

    def seen(self) -> np.ndarray:
        """What the model is shown, (H, W, 3) of 255."""
        address = self.page.evaluate("figure.seen.toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB"))


@pytest.fixture(scope="session")
def figure_page(browser, mini, tmp_path_factory) -> Iterator[Shown]:
    """That page; whatever it asks of the network is refused, and counted as a fault."""
    folder = tmp_path_factory.mktemp("own")
    write_scripts(folder / "model")
    file = folder / "page.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><div id="place"></div><script>{OWN_PICTURE_JS}</script>')
    context, asked = browser.new_context(), []
    context.set_default_timeout(PATIENCE)

    def guard(route: Any) -> None:
        local = route.request.url.startswith(("file:", "data:", "blob:"))
        asked.extend([] if local else [route.request.url])
        route.continue_() if local else route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(file.as_uri())
    state = OwnPicture.of(mini).page_state()
    yield Shown(page, json.loads(json.dumps(state | {"about": state["about"] | {"address": "model"}})))
    context.close()
    assert not asked


@pytest.fixture
def shown(figure_page) -> Shown:
    """A new figure in that page."""
    figure_page.start()
    return figure_page


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """An image as the bytes of a file."""

    def of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return of


@pytest.fixture(scope="session")
def source() -> Callable[[str], Path]:
    """The file of an object's source view."""
    from lrm_core.paths import data_dir

    return lambda name: data_dir() / "mini/objects/real" / f"cc0_{name}" / "rgba/000.png"
