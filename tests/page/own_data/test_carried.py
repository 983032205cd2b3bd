"""The model that the page carries: small enough, close enough, and the bytes that it says."""

import base64
import gzip
import hashlib
import json
import re

import pytest
import torch

from lrm_core.model.lrm import LRM
from lrm_core.objects import load_object
from lrm_core.page.own_data.carried import carried, packed_model, write_scripts
from lrm_core.page.viewer import Packed, unpack
from lrm_core.page.viewer.widget import camera_of
from lrm_core.paths import data_dir
from lrm_core.render import render_views
from lrm_core.render.cameras import canonical_source_camera

LARGEST, CLOSEST = 16e6, 50.0  # bytes; dB to what the model itself draws


def test_the_scripts_hold_the_bytes_that_the_page_names():
    about, scripts = carried()
    texts = [re.fullmatch(r'lrmModel\((\d+), "([^"\\]*)"(?:, (\{.*\}))?\);\n', script).groups() for script in scripts]
    assert [int(number) for number, *_ in texts] == list(range(about["parts"]))
    packed = b"".join(base64.b85decode(text) for _, text, _ in texts)[: about["compressed"]]
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == about["sha256"]
    assert set(json.loads(texts[0][2])) == {"tensors", "config"}
    assert sum(map(len, scripts)) == about["bytes"] < LARGEST


def test_what_is_written_already_is_left_alone(tmp_path):
    files = write_scripts(tmp_path)
    before = [file.stat().st_mtime_ns for file in files]
    files[1].write_text("damaged")
    write_scripts(tmp_path)
    assert [file.read_text() for file in files] == list(carried().scripts)
    assert [file.stat().st_mtime_ns for file in files][2:] == before[2:]


@pytest.mark.parametrize("name", ["real/cc0_iphone", "real/cc0_couch", "procedural/procedural_10000003"])
def test_what_is_carried_draws_nearly_the_same(mini, name):
    model, packed = LRM(mini.config).eval().requires_grad_(False), packed_model(mini)
    model.load_state_dict(unpack(Packed(packed.directory, packed.data)))
    image, told = load_object(data_dir() / "mini/objects" / name).images[:1], canonical_source_camera(2.0)
    cameras = torch.stack([camera_of(azimuth, 15, 2.0, 0.75) for azimuth in (-90, 30)])[None]
    one, other = (
        render_views(each.predict_planes(image, told), each.decoder, cameras, 64).rgb for each in (mini, model)
    )
    assert -10 * (one - other).square().mean().log10() > CLOSEST
