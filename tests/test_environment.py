"""The lock, environment.yml and pyproject.toml name the same packages at the same versions."""

import hashlib
import json
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lrm_core.paths import repository_root

ROOT = repository_root()


def _locked() -> dict[str, str]:
    """Package name -> exact version, as requirements.lock says."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def _declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(line) for line in project["dependencies"] + project["optional-dependencies"]["dev"]]


def _environment() -> dict[str, str]:
    """Package name -> exact version, as the pip section of environment.yml says."""
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = (entry["pip"] for entry in dependencies if isinstance(entry, dict))
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in pip)}


def test_the_lock_holds_plain_exact_versions_only():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    faults = [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)]
    assert faults == []


@pytest.mark.parametrize("requirement", _declared(), ids=lambda requirement: requirement.name)
def test_the_lock_satisfies_each_declared_range(requirement):
    assert requirement.specifier.contains(_locked()[canonicalize_name(requirement.name)])


def test_environment_yml_lists_the_declared_packages_at_the_locked_versions():
    declared = {canonicalize_name(requirement.name) for requirement in _declared()}
    locked = _locked()
    assert _environment() == {name: locked[name] for name in declared}


def test_each_vendored_file_matches_its_recorded_checksum():

    vendor = ROOT / "book" / "assets" / "vendor"
    manifest = json.loads((vendor / "manifest.json").read_text())
    assert {path.name for path in vendor.glob("*.js")} == manifest.keys()
    for name, entry in manifest.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == entry["sha256"]
        assert (vendor / entry["licence_file"]).is_file()
