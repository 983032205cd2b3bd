"""What could run the mini model in a page: `python benchmarks/own_picture.py [--onnxruntime FOLDER --onnx FILE]`.

In a browser without a graphics card. Seconds from an image to its planes, memory, and bytes beside the model:
the page's own worker (a WebAssembly kernel that it assembles itself), the same without SIMD, and onnxruntime-web with
one thread, as a page of a local file has it (npm package `onnxruntime-web`, its folder `dist`; the model as
`torch.onnx.export` writes it, inputs `image` and `camera`). For WebGL2 the seconds of the matrix products alone, by a
shader that writes 4 x 4 numbers a fragment: a bound that the whole model cannot beat. Then the figure itself: seconds
from a click to planes and to the first picture that turns, memory of the browser's processes over that of an empty
page, and for 24 objects how close renders of the page's planes are to those of the model's.

What was chosen, by `results/own_picture.json`: the page's own worker. It is as fast as onnxruntime-web and needs no
14 MB beside the model. WebGL2 would be faster on a graphics chip, but without one its products alone take longer than
the ten seconds that a picture may take, and precision would depend on the chip. Seconds compare within one run only;
the record says how many others were at work on the machine.
"""

import argparse
import http.server
import os
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import torch
from keep import keep
from playwright.sync_api import Page

from lrm_core import load_model
from lrm_core.model.lrm import LRM
from lrm_core.objects import load_object
from lrm_core.page.embedded import OWN_PICTURE_JS
from lrm_core.page.own_data.own_picture import OwnPicture, carried, packed_model, write_scripts
from lrm_core.page.viewer import camera_of, unpack
from lrm_core.paths import data_dir
from lrm_core.render import render_views
from lrm_core.render.cameras import FOCAL, canonical_source_camera
from lrm_core.site import headless

PASSES = 3
OWN = """async ([about, simd, passes]) => {
  const none = "(() => { throw new WebAssembly.CompileError(); })()";
  const source = simd ? WORKER : WORKER.replace("new WebAssembly.Module(tileModule())", none);
  const engine = new Engine(source, { ...about, address: "model" }), began = performance.now(), found = [];
  await engine.load(() => {});
  const loaded = (performance.now() - began) / 1000;
  for (let pass = 0; pass < passes; pass++) {
    await engine.ask("encode", { image: new Float32Array(3 * 128 * 128).fill(0.5) });
    await engine.ask("planes", { distance: 2 });
    found.push([engine.took.encode / 1000, engine.took.planes / 1000]);
  }
  engine.close();
  return { loaded, passes: found, simd: engine.simd };
}"""
FIGURE = """(state) => {
  const place = document.body.appendChild(document.createElement("div"));
  globalThis.figure = new OwnPicture(pageModel(state), place, new Engine(WORKER, state.about));
}"""
ONNX = """async ([folder, model, passes]) => {
  const ort = await import(`${folder}/ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = `${folder}/`;
  const began = performance.now();
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const loaded = (performance.now() - began) / 1000, found = [];
  const image = new ort.Tensor("float32", new Float32Array(3 * 128 * 128).fill(0.5), [1, 3, 128, 128]);
  const pose = [1, 0, 0, 0, 0, 0, -1, -2, 0, 1, 0, 0, 0.75, 0.75, 0.5, 0.5];
  const camera = new ort.Tensor("float32", Float32Array.from(pose), [1, 16]);
  for (let pass = 0; pass < passes; pass++) {
    const start = performance.now();
    await session.run({ image, camera });
    found.push((performance.now() - start) / 1000);
  }
  return { loaded, passes: found };
}"""
CORNERS = """#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0); }"""
SHADER = """#version 300 es
precision highp float; precision highp sampler2D;
uniform sampler2D a, b; uniform int inner;
layout(location = 0) out vec4 r0; layout(location = 1) out vec4 r1;
layout(location = 2) out vec4 r2; layout(location = 3) out vec4 r3;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy) * 4; // (column, row) of the first of 4 x 4 sums
  mat4 sum = mat4(0.0);
  for (int k = 0; k < inner; k++) {
    mat4 columns = mat4(texelFetch(b, ivec2(k, at.x), 0), texelFetch(b, ivec2(k, at.x + 1), 0),
                        texelFetch(b, ivec2(k, at.x + 2), 0), texelFetch(b, ivec2(k, at.x + 3), 0));
    for (int row = 0; row < 4; row++) sum[row] += texelFetch(a, ivec2(k, at.y + row), 0) * columns;
  }
  r0 = sum[0]; r1 = sum[1]; r2 = sum[2]; r3 = sum[3];
}"""
WEBGL = """([corners, source, rows, inner, columns, passes]) => {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl.getExtension("EXT_color_buffer_float")) return null;
  const texture = (wide, high) => {
    const made = gl.createTexture(), data = Float32Array.from({ length: 4 * wide * high }, () => Math.random() - 0.5);
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, wide, high, 0, gl.RGBA, gl.FLOAT, data);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    return made;
  };
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, corners], [gl.FRAGMENT_SHADER, source]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program); gl.useProgram(program);
  const parts = [texture(inner / 4, rows), texture(inner / 4, columns)];
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const buffers = [0, 1, 2, 3].map((at) => gl.COLOR_ATTACHMENT0 + at);
  for (const at of buffers)
    gl.framebufferTexture2D(gl.FRAMEBUFFER, at, gl.TEXTURE_2D, texture(columns / 4, rows / 4), 0);
  gl.drawBuffers(buffers);
  parts.forEach((part, at) => { gl.activeTexture(gl.TEXTURE0 + at); gl.bindTexture(gl.TEXTURE_2D, part); });
  gl.uniform1i(gl.getUniformLocation(program, "b"), 1);
  gl.uniform1i(gl.getUniformLocation(program, "inner"), inner / 4);
  gl.viewport(0, 0, columns / 4, rows / 4);
  return Array.from({ length: passes }, () => {
    const start = performance.now();
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.FLOAT, new Float32Array(4));
    return (performance.now() - start) / 1000;
  });
}"""


def multiply_adds(model: LRM) -> dict[str, int]:
    """Of the matrix products, for the image (once) and for its planes (again for each told distance)."""
    config, vit = model.config, model.config.vit
    seen = 1 + vit.num_register_tokens + vit.pos_grid**2
    e, d, tokens = vit.embed_dim, config.transformer_dim, 3 * config.triplane_low_res**2
    block = 12 * e * e * seen + 2 * seen**2 * e
    cross = 2 * d * d * tokens + 2 * e * d * seen + 2 * tokens * seen * d
    own = 12 * d * d * tokens + 2 * tokens**2 * d
    return {"image": vit.depth * block, "planes": config.transformer_layers * (cross + own)}


def measure_own(tab: Page, simd: bool) -> dict[str, Any]:
    found = tab.evaluate(OWN, [carried()[0], simd, PASSES if simd else 1])
    return found | {"bytes beside the model": len(OWN_PICTURE_JS)}


def measure_webgl(tab: Page, total: int) -> dict[str, Any] | None:
    shapes = {"768 x 256 x 1024": (768, 256, 1024), "768 x 64 x 768": (768, 64, 768)}
    rates = {}
    for name, (rows, inner, columns) in shapes.items():
        seconds = tab.evaluate(WEBGL, [CORNERS, SHADER, rows, inner, columns, 3 * PASSES])
        if seconds is None:
            return None
        rates[name] = rows * inner * columns / min(seconds)
    bound = total / max(rates.values())
    return {"multiply-adds a second": rates, "the products alone, s": bound}


def memory() -> float:
    """Megabytes that the processes of the browser have to themselves."""
    found = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += process.memory_full_info().uss / 1e6 if "chrom" in process.name() else 0
    return found


def measure_figure(tab: Page, state: dict[str, Any]) -> dict[str, Any]:
    """Of a click on a starter, twice: with the model to be loaded, and with the model there."""
    tab.goto("about:blank")
    before, found, most = memory(), {}, 0.0
    tab.goto((Path(state["root"]) / "page.html").as_uri())
    tab.evaluate(FIGURE, state)
    for name in ("with loading", "again"):
        began = time.perf_counter()
        tab.evaluate("void (figure.root.dataset.stage = 'waiting')")
        tab.locator(".lrm-own-starters button").nth(1).click()
        while not tab.evaluate("figure.root.dataset.stage === 'done'"):
            most = max(most, memory() - before)
        built = time.perf_counter() - began
        tab.wait_for_function("figure.figure.root.dataset.firstPicture")
        painted = time.perf_counter() - began
        stages = {kind: took / 1000 for kind, took in tab.evaluate("figure.engine.took").items()}
        found[name] = {"planes, s": built, "by stage, s": stages}
        if name == "with loading":
            found[name]["first picture, s"] = painted
    return found | {"memory, MB": max(most, memory() - before)}


@torch.no_grad()
def precision() -> dict[str, float]:
    """PSNR in dB of renders with the model in eight bits to those with the model itself, two views of each object."""
    model, told = load_model("mini").eval(), canonical_source_camera(2.0)
    coarse = LRM(model.config).eval()
    coarse.load_state_dict(unpack(packed_model(model)))
    folders = sorted((data_dir() / "mini/objects").glob("real/cc0_*"))[:12]
    folders += sorted((data_dir() / "mini/objects").glob("procedural/procedural_*"))[:12]
    cameras = torch.stack([camera_of(azimuth, 15, 2.0, FOCAL) for azimuth in (-90, 30)])[None]
    found = {}
    for folder in folders:
        image = load_object(folder).images[:1]
        one, other = (
            render_views(each.predict_planes(image, told), each.decoder, cameras, 128).rgb for each in (model, coarse)
        )
        found[folder.name] = float(-10 * (one - other).square().mean().log10())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--onnxruntime", type=Path, help="folder `dist` of the npm package")
    parser.add_argument("--onnx", type=Path, help="the model")
    given = parser.parse_args()
    work = multiply_adds(load_model("mini"))
    figures: dict[str, Any] = {"multiply-adds": work, "model": carried()[0]}
    figures["others at work on the machine"] = os.getloadavg()[0]
    with TemporaryDirectory() as folder, headless() as browser:
        root = Path(folder)
        write_scripts(root / "model")
        (root / "page.html").write_text(f'<meta charset="utf-8"><body><script>{OWN_PICTURE_JS}</script>')
        tab = browser.new_page()
        tab.goto((root / "page.html").as_uri())
        figures["own worker"] = measure_own(tab, simd=True)
        figures["own worker, no SIMD"] = measure_own(tab, simd=False)
        figures["WebGL2, products alone"] = measure_webgl(tab, sum(work.values()))
        about = carried()[0] | {"address": "model"}
        state = OwnPicture.of(load_model("mini")).page_state() | {"about": about, "root": folder}
        figures["the figure"] = measure_figure(browser.new_page(), state)
        if given.onnxruntime:
            (root / "ort").symlink_to(given.onnxruntime.resolve())
            (root / "mini.onnx").symlink_to(given.onnx.resolve())
            figures["onnxruntime-web, one thread"] = measure_onnx(browser.new_page(), root, given.onnxruntime)
    figures["PSNR to the model, dB"] = precision()
    keep("own_picture", figures)


def measure_onnx(tab: Page, root: Path, dist: Path) -> dict[str, Any]:
    """Over HTTP of this machine, since its modules do not load from a file."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=root)
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab.goto(f"http://127.0.0.1:{server.server_port}/page.html")
        found = tab.evaluate(ONNX, ["/ort", "/mini.onnx", PASSES])
        server.shutdown()
    runtime = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    return found | {"bytes beside the model": sum((dist / name).stat().st_size for name in runtime)}


if __name__ == "__main__":
    main()
