"""The page of `lrm app`: a picture in, what `lrm predict` makes of it out, on this machine only."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from lrm_core.data_url import to_pixels
from lrm_core.model.checkpoints import load_model
from lrm_core.model.lrm import LRM
from lrm_core.objects.pictures import FORMATS
from lrm_core.predict.assets import ASSETS, PredictConfig, predict_picture, write_assets

if TYPE_CHECKING:
    import gradio

SHOWN = ("glb", "mp4", "planes")
REQUIREMENT = "gradio>=6.31,<7"
LOOPBACK = "127.0.0.1"
MAX_FILE_SIZE = "50mb"
FONTS = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}  # none is fetched
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"  # the browser asks no other machine
HEAD = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
WORDS = (
    "# Your own picture\n\nOne thing on a transparent or plain white background, as PNG, JPEG or WebP, at most "
    f"{MAX_FILE_SIZE.replace('mb', ' MB')}. It stays on this machine."
)


class Shown(NamedTuple):
    """What the page shows of a prediction: the picture as the model saw it, mesh, film, and files to download."""

    picture: str
    mesh: str
    film: str
    files: list[str]


def predict_files(model: LRM, root: Path, path: str | None, source_distance: float) -> Shown:
    """Write the assets of a picture into a new folder, with the settings of `lrm predict`.

    The new folder is made in `root`; the distance of the camera is in world units. Raises ValueError, in one sentence
    without the folder, if there is no picture, `load_picture` refuses it, its field has no surface, or the distance
    is not positive.
    """
    if path is None:
        raise ValueError(f"no picture chosen; expected a file ending in {', '.join(FORMATS)}")
    try:
        config = PredictConfig(formats=SHOWN, source_distance=source_distance)
        prediction = predict_picture(model, Path(path), config)
        folder = Path(mkdtemp(dir=root))
        write_assets(folder, model, prediction, config)
    except (ValueError, FileNotFoundError) as error:
        raise ValueError(str(error).replace(path, Path(path).name)) from error
    picture = folder / "picture.png"
    Image.fromarray(to_pixels(prediction.picture)).save(picture)
    mesh, film, planes = (str(folder / ASSETS[name]) for name in SHOWN)
    return Shown(str(picture), mesh, film, [mesh, film, planes])


def build_app(model: LRM, root: Path) -> "gradio.Blocks":
    """The page around `predict_files`; `launch` serves it. Raises ValueError without gradio."""
    gr = import_gradio()

    def handle(path: str | None, source_distance: float) -> Shown:
        try:
            return predict_files(model, root, path, source_distance)
        except ValueError as error:
            raise gr.Error(str(error), duration=None, print_exception=False) from error

    with gr.Blocks(title="Your own picture", analytics_enabled=False) as app:
        gr.Markdown(WORDS)
        with gr.Row():
            with gr.Column(scale=1):
                picture = gr.File(label="Picture", file_types=list(FORMATS), height=140)
                told = "Distance of the camera, in world units"
                distance = gr.Number(PredictConfig.source_distance, label=told)
                button = gr.Button("Predict", variant="primary")
                seen = gr.Image(label="As the model sees it", interactive=False, type="filepath")
            with gr.Column(scale=2):
                mesh = gr.Model3D(label="Mesh", clear_color=(1, 1, 1, 1), height=380, interactive=False)
                film = gr.Video(label="Turntable", interactive=False, autoplay=True, loop=True, height=300)
                files = gr.File(label="Files", file_count="multiple", interactive=False)
        button.click(handle, [picture, distance], [seen, mesh, film, files])
    return app


def launch(app: "gradio.Blocks", port: int) -> str:
    """Serve the page to this machine alone, in threads of its own; its address. OSError if the port is taken."""
    closed = ("share", "mcp_server", "ssr_mode", "enable_monitoring", "run_history", "inbrowser")
    look = {"theme": import_gradio().themes.Default(**FONTS), "head": HEAD, "footer_links": []}
    place = {"server_name": LOOPBACK, "server_port": port, "max_file_size": MAX_FILE_SIZE}
    options = dict.fromkeys(closed, False) | dict.fromkeys(("prevent_thread_lock", "quiet"), True)
    _, address, _ = app.launch(**place, **look, **options)
    return address


def serve(model_name: str, port: int, report: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C; uploads and results lie in a temporary folder that is removed then.

    `report` takes the line that says where the page is. Raises as `load_model`, and ValueError if gradio is not
    installed or the port is taken.
    """
    import_gradio()
    model = load_model(model_name).requires_grad_(False)
    with TemporaryDirectory(prefix="lrm_app_") as root:
        os.environ["GRADIO_TEMP_DIR"] = root
        app = build_app(model, Path(root))
        try:
            address = launch(app, port)
        except OSError as error:
            raise ValueError(f"port {port}: taken, or the page did not start; use another --port") from error
        report(f"{address}: open it in a browser of this machine; Ctrl-C ends it")
        app.block_thread()


def import_gradio() -> ModuleType:
    """Gradio, told to report nothing; a ValueError says how to install it."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise ValueError(f'`lrm app` needs gradio: `pip install "{REQUIREMENT}"` in `.venv`') from error
    return gradio
