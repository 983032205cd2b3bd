"""The model that the page carries: small enough, close enough, and the bytes that it says."""

import base64
import gzip
import hashlib
import json
import re

from lrm_core.page.own_data.own_picture import carried, write_scripts

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
    assert [file.read_text() for file in files] == list(carried()[1])
    assert [file.stat().st_mtime_ns for file in files][2:] == before[2:]
