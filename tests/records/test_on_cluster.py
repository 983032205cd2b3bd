"""Records made on a cluster: equal to those of one process, whatever dies meanwhile; each fault is one sentence.

Ray is an optional extra; without it only what needs none is tested.
"""

import errno
import json
import os
import random
import socket
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from tiny_runner import BROKEN, Elsewhere, Sums

from lrm_core.cli import main
from lrm_core.profiles import Profile
from lrm_core.records import on_cluster as calls
from lrm_core.records.on_cluster import ERROR, Cluster, Work, _keep, _make_group, make_on_cluster
from lrm_core.records.runner import Made

GROUPS, SEEDS = 110, 2
KILLS, EVERY = 20, 3  # workers, one after so many groups


def _jobs(groups: int = GROUPS) -> list[tuple[int, int]]:
    return [(n, seed) for n in range(groups + 1) if n != BROKEN for seed in range(SEEDS)]


def _groups(jobs: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    return [[job for job in jobs if job[0] == n] for n in dict.fromkeys(n for n, _ in jobs)]


def _kept(root: Path) -> dict[str, str]:
    """The records of a store without their circumstances."""
    kept = {}
    for path in sorted(root.rglob("*.json")):
        record = json.loads(path.read_text())
        kept[str(path.relative_to(root))] = json.dumps(
            {k: v for k, v in record.items() if k not in ("provenance", "digest")}
        )
    return kept


@pytest.fixture(scope="module")
def nodes():
    """A cluster of a head without cores and two nodes of two cores; workers find the modules of the tests."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster as TestCluster

    tests = str(Path(__file__).parents[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH")))))
        started = TestCluster(initialize_head=True, head_node_args={"num_cpus": 0})
        added = [started.add_node(num_cpus=2) for _ in range(2)]
        yield started, added
        started.shutdown()


def _workers() -> list[psutil.Process]:
    """Processes of this test's cluster that make calls."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            found += [process] if process.cmdline()[:1] == ["ray::_call"] else []
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.mark.timeout(1800)
def test_a_sweep_is_whole_though_workers_and_a_node_are_killed(nodes, tmp_path, monkeypatch):
    cluster, added = nodes
    jobs = _jobs()
    assert len(jobs) >= 200
    runner, killed, chance = Sums(tmp_path / "beside"), 0, random.Random(0)
    made = make_on_cluster(runner, _groups(jobs), False, Cluster(cluster.address))
    with closing(made):
        for number, _ in enumerate(made):
            if number == GROUPS // 2:
                cluster.remove_node(added.pop(), allow_graceful=False)
                added.append(cluster.add_node(num_cpus=2))
            elif number % EVERY == 0 and killed < KILLS and (workers := _workers()):
                chance.choice(workers).kill()
                killed += 1
    assert killed == KILLS
    monkeypatch.setattr("tiny_runner.SECONDS", 0)
    alone = Sums(tmp_path / "alone")
    assert alone.make_missing(jobs, False, 1) == Made(len(jobs), 0)
    assert _kept(runner.store.root) == _kept(alone.store.root)
    twice = {job: n for job, n in Counter(runner.log.read_text().splitlines()).items() if n > 1}
    assert not twice
    assert not list(runner.store.root.glob(".cluster-*"))


def test_a_failing_job_leaves_its_error_and_the_others_are_made(nodes, tmp_path):
    runner, jobs = Sums(tmp_path / "sums"), [(BROKEN, 0), (1, 0), (2, 0)]
    said = r"failed jobs: 1, the others are made; first number13, seed 0: OSError: nothing adds up to 13"
    with pytest.raises(ValueError, match=said):
        runner.make_missing(jobs, False, 1, Cluster(nodes[0].address))
    error = runner.store.path(runner.key(BROKEN, 0)).with_suffix(ERROR)
    assert "Traceback" in error.read_text()
    assert [runner.is_current(*job) for job in jobs] == [False, True, True]


def test_workers_with_other_code_are_refused(nodes, tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "code_hash", lambda: "f" * 64)
    with pytest.raises(ValueError, match=r"has another version of lrm_core \(SHA-256 .* instead of f{12}\)"):
        Sums(tmp_path / "sums").make_missing([(1, 0)], False, 1, Cluster(nodes[0].address))


def test_workers_without_the_data_are_named(nodes, tmp_path):
    said = r"a worker there lacks data or weights \(.*sums: no objects there\); bring them there"
    with pytest.raises(ValueError, match=said):
        Elsewhere(tmp_path / "sums").make_missing([(1, 0)], False, 1, Cluster(nodes[0].address))


def _records(root: Path, monkeypatch, *options: str):
    """`lrm records` of two experiments on the two objects of `smoke`, into a folder."""
    monkeypatch.setattr(Profile, "results", property(lambda profile: root))
    chosen = ("--profile", "smoke", "--experiment", "extent", "--experiment", "e00_model")
    return CliRunner().invoke(main, ["records", *chosen, *options])


@pytest.mark.timeout(1800)
def test_the_command_makes_on_a_ray_of_its_own_what_it_makes_alone(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    for name, options in {"ray": ("--cluster", "local"), "alone": ("--processes", "1")}.items():
        done = _records(tmp_path / name, monkeypatch, *options)
        assert done.exit_code == 0, done.output
    beside, alone = (_kept(tmp_path / name) for name in ("ray", "alone"))
    assert len(alone) == 4
    assert beside == alone


def _address_of_nothing() -> str:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_the_command_says_in_a_sentence_what_is_wrong_with_an_address(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    address = _address_of_nothing()
    wrong = {
        address: f"Error: {address}: no Ray answers there",
        "there": "Error: --cluster there: expected local, or HOST:PORT",
    }
    for given, said in wrong.items():
        result = _records(tmp_path, monkeypatch, "--cluster", given)
        assert result.exit_code == 2
        assert said in result.stderr
        assert "Traceback" not in result.output


def test_ctrl_c_leaves_the_cluster_and_what_is_done(nodes, tmp_path, interrupt):
    import ray

    runner, jobs = Sums(tmp_path / "sums"), _jobs()
    interrupt(lambda: runner.log.exists() and len(runner.log.read_text().splitlines()) > 2)
    with pytest.raises(KeyboardInterrupt):
        runner.make_missing(jobs, False, 1, Cluster(nodes[0].address))
    assert not ray.is_initialized()
    assert 2 < sum(runner.is_current(*job) for job in jobs) < len(jobs)


def test_without_ray_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ValueError, match=r"Ray is not installed: pip install 'lrm_core\[cluster\]'"):
        Sums(tmp_path / "sums").make_missing([(1, 0)], False, 1, Cluster("local"))


def _work(runner: Sums, **other) -> Work:
    return replace(Work(runner, runner.hashes, False, runner.store.root / "no mark", "cpu"), **other)


def test_without_a_shared_folder_records_come_back_and_are_written_by_the_driver(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "node"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "node").mkdir()
    driver, alone = Sums(tmp_path / "driver"), Sums(tmp_path / "alone")
    outcomes = _make_group(_work(Sums(tmp_path / "driver")), [(1, 0), (1, 1)])
    assert not driver.store.root.exists()
    assert all(_keep(driver.store, outcome) for outcome in outcomes)
    alone.make_missing([(1, 0), (1, 1)], False, 1)
    assert _kept(driver.store.root) == _kept(alone.store.root)


def test_the_error_of_a_job_begins_with_what_it_was_and_goes_when_the_record_is_made(tmp_path):
    runner = Sums(tmp_path / "sums")
    failed, made = _make_group(_work(runner), [(BROKEN, 0), (1, 0)])
    assert failed.error.splitlines()[0] == "OSError: nothing adds up to 13"
    assert not _keep(runner.store, failed)
    assert _keep(runner.store, replace(made, key=failed.key))
    assert not list(runner.store.root.rglob(f"*{ERROR}"))


def test_a_worker_with_other_weights_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has other weights or data, SHA-256 weights instead of others"):
        _make_group(_work(Sums(tmp_path / "sums"), hashes=("others",)), [(1, 0)])


def _in_this_process(function, shared, calls, *_):
    """Stands for `on_cluster`."""
    return (function(shared, *call) for call in calls)


def _full(*_, **__) -> None:
    raise OSError(errno.ENOSPC, "could not write it (No space left on device)", "/node/record.json")


def test_a_full_disk_of_a_node_is_the_error_of_its_jobs_and_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("lrm_core.records.on_cluster.on_cluster", _in_this_process)
    monkeypatch.setattr(Sums, "keep", _full)
    said = r"failed jobs: 2, .* first number1, seed 0: OSError: .*No space left on device.*/node/record.json"
    with pytest.raises(ValueError, match=said):
        Sums(tmp_path / "sums").make_missing([(1, 0), (2, 0)], False, 1, Cluster("local"))


def test_a_full_disk_of_the_driver_ends_it_with_the_file(tmp_path, monkeypatch):
    runner = Sums(tmp_path / "driver")
    outcome = _make_group(_work(Sums(tmp_path / "node")), [(1, 0)])[0]
    monkeypatch.setattr(Path, "write_text", _full)
    with pytest.raises(OSError, match="No space left on device"):
        _keep(runner.store, outcome)
    assert not list(runner.store.root.rglob("*.json"))
