"""The arms of fine-tuning: which they are, on which objects, and that their records are made once and resume."""

import pickle
from dataclasses import replace
from itertools import product

import pytest
import torch

from lrm_core import LRM
from lrm_core.fit import trainer
from lrm_core.fit.trainer import batch_loss
from lrm_core.measure.finetuning import object_folders, told_and_truth
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.objects import save_object
from lrm_core.profiles import FinetunePlan, Profile, get_profile, published_factor
from lrm_core.records import arm_runs, arm_tables
from lrm_core.records.arm_runs import ArmRecorder, record_arms
from lrm_core.records.arms import ARMS, EXPERIMENT, configuration, plan_arms
from lrm_core.records.runner import Made
from lrm_core.records.store import ResultStore

CHOSEN = ("lora_mse", "lora_freq", "lora_shuffled", "lora_freq_true_distance", "full_mse")
VIEWS = 24  # the last view of the evaluation is number 23


@pytest.fixture(scope="module")
def place(model, tmp_path_factory):
    """A tiny model and two folders of two tiny objects each."""
    folder = tmp_path_factory.mktemp("place")
    save_checkpoint(model, folder / "tiny.safetensors", dtype=torch.float32)
    return folder


@pytest.fixture
def profile(place, make_object, tmp_path, monkeypatch):
    """Four steps on two objects, one of each group; runs lie in the temporary folder."""
    for group, seed in product(("real", "procedural"), (0, 1)):
        item = make_object(seed + 2 * (group == "real"), views=VIEWS)
        if not (place / group / item.name).exists():
            rgba = torch.cat([item.images, item.masks], dim=1)
            poses = item.poses.clone()
            poses[:, :, 3] *= 1.2  # to a distance of 2.4
            save_object(place / group / item.name, rgba, poses, item.intrinsics)
    plan = FinetunePlan(objects=(1, 1), steps=4, validate_every=2, arms=CHOSEN, seeds=2)
    groups = (str(place / "real"), str(place / "procedural"))
    tiny = Profile("tiny", str(place / "tiny.safetensors"), groups, 1, 1, 8, (0,), finetuning=plan)
    for module in (arm_runs, arm_tables):
        monkeypatch.setattr(module, "get_profile", lambda name: tiny)
    monkeypatch.setattr(arm_runs, "repository_root", lambda: tmp_path)
    return tiny


def results(store: ResultStore) -> dict[tuple[str, int], dict]:
    return {(r["object"], r["seed"]): r["result"] for r in store.records(EXPERIMENT)}


def dying(monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
    """From now on a run ends in an error before its update number `at` + 1."""

    def dies(tuning, *others):
        if tuning.step == at:
            raise error
        return batch_loss(tuning, *others)

    monkeypatch.setattr(trainer, "batch_loss", dies)


def test_records_are_made_once_and_hold_what_the_tables_read(profile, tmp_path):
    store = ResultStore(tmp_path / "store")
    assert record_arms("tiny", seeds=[0], store=store) == Made(written=5, kept=0)
    assert record_arms("tiny", ["lora_freq", "full_mse"], store=store) == Made(written=1, kept=2)
    assert record_arms("tiny", ["lora_freq"], store=store) == Made(written=0, kept=2)

    found = results(store)
    first = found["lora_freq", 0]
    assert (first["arm"], first["steps"], len(first["loss"])) == ("lora_freq", [0, 2, 4], 1)
    assert {name: entry["group"] for name, entry in first["objects"].items()} == {
        "disc3": "real",
        "disc1": "procedural",
    }
    assert all(len(first["objects"]["disc1"][metric]) == 3 for metric in ("l1", "psnr", "ssim", "lpips"))
    assert first["early_stop"]["metric"] == "lpips"
    assert found["full_mse", 0]["trainable"] == found["full_mse", 0]["transformer"] > first["trainable"]
    assert 1 < first["first_loss"] / found["lora_mse", 0]["first_loss"] <= 25

    before = {arm: found[arm, 0]["objects"]["disc1"]["l1"][0] for arm in CHOSEN}
    assert before["lora_mse"] == before["lora_shuffled"] == before["full_mse"]
    assert found["lora_shuffled", 0]["first_loss"] != first["first_loss"]
    kept = {(r["data_hash"], r["model_hash"]) for r in store.records(EXPERIMENT)}
    assert len(kept) == 1  # the arms differ in their configuration

    table = arm_tables.tidy(arm_tables.records("tiny", store))
    assert table["arm"].unique().tolist() == list(CHOSEN)
    assert len(table) == 6 * 2 * 3
    row = table.query("arm == 'lora_freq' and seed == 1 and object == 'disc3' and step == 4").iloc[0]
    assert row["lpips"] == found["lora_freq", 1]["objects"]["disc3"]["lpips"][2]


def test_a_killed_run_has_the_result_of_an_unbroken_one_and_a_refreshed_one_begins_anew(
    profile, tmp_path, monkeypatch
):
    stores = [ResultStore(tmp_path / name) for name in ("broken", "unbroken")]
    with monkeypatch.context() as patch:
        dying(patch, 3, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            record_arms("tiny", ["lora_freq"], [1], store=stores[0])
    record_arms("tiny", ["lora_freq"], [1], store=stores[0])
    monkeypatch.setattr(arm_runs, "repository_root", lambda: tmp_path / "elsewhere")
    record_arms("tiny", ["lora_freq"], [1], store=stores[1])
    assert results(stores[0]) == results(stores[1])
    dying(monkeypatch, 2, KeyboardInterrupt())  # finished runs are beyond that step
    record_arms("tiny", ["lora_freq"], [1], store=ResultStore(tmp_path / "read back"))
    with pytest.raises(KeyboardInterrupt):
        record_arms("tiny", ["lora_freq"], [1], refresh=True, store=stores[1])


def test_a_failed_run_names_its_arm(profile, tmp_path, monkeypatch):
    store = ResultStore(tmp_path)
    dying(monkeypatch, 1, ValueError("step 2: the loss is nan"))
    with pytest.raises(ValueError, match="arm full_mse, seed 0: step 2: the loss is nan"):
        record_arms("tiny", ["full_mse"], store=store)
    dying(monkeypatch, 1, RuntimeError("out of memory"))
    with pytest.raises(RuntimeError) as caught:
        record_arms("tiny", ["lora_mse"], store=store)
    assert caught.value.__notes__ == ["in arm lora_mse, seed 0"]


def test_other_settings_weights_or_data_are_not_current(profile, place, tmp_path, monkeypatch):
    store = ResultStore(tmp_path / "store")
    record_arms("tiny", ["lora_mse"], [0], store=store)
    assert len(arm_tables.tidy(arm_tables.records("tiny", store))) == 6
    assert arm_tables.tidy(arm_tables.records("tiny", store, "other")).empty
    longer = replace(profile, finetuning=replace(profile.finetuning, steps=6))
    monkeypatch.setattr(arm_tables, "get_profile", lambda name: longer)
    assert arm_tables.tidy(arm_tables.records("tiny", store)).empty

    recorder = ArmRecorder(profile, store, tmp_path, "cpu")
    assert recorder.is_current(ARMS["lora_mse"], 0)
    assert not recorder.is_current(ARMS["lora_mse"], 1)
    turned = replace(profile, objects=profile.objects[::-1])
    assert not ArmRecorder(turned, store, tmp_path, "cpu").is_current(ARMS["lora_mse"], 0)


def test_what_the_encoder_sees_does_not_depend_on_the_threads(profile, tmp_path, monkeypatch):
    seen, encode = [], LRM.encode_image

    def counted(model: LRM, image: torch.Tensor) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return encode(model, image)

    monkeypatch.setattr(LRM, "encode_image", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        recorder = ArmRecorder(profile, ResultStore(tmp_path), tmp_path, "cpu")
        for name in ("lora_freq", "lora_mse", "lora_shuffled"):
            recorder.data(ARMS[name])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1] * 4  # each object once
    first, second = (pickle.loads(pickle.dumps(recorder)) for _ in range(2))
    assert first is second  # that of its process
    assert first.key(ARMS["lora_mse"], 0) == recorder.key(ARMS["lora_mse"], 0)


def test_arms_are_told_and_shown_what_their_names_say(profile, tmp_path):
    recorder = ArmRecorder(profile, ResultStore(tmp_path), tmp_path, "cpu")
    names = ("lora_freq", "lora_freq_true_distance", "lora_shuffled")
    published, true, shuffled = (recorder.data(ARMS[name]) for name in names)
    for told, own in zip(*([*data.train, *data.validation] for data in (published, true)), strict=True):
        assert told.camera[0, 7].item() == pytest.approx(-2.0)
        assert own.camera[0, 7].item() == pytest.approx(-2.4, rel=1e-5)
        assert torch.equal(told.views.cameras, own.views.cameras)
    for k, (own, other) in enumerate(zip(published.train, shuffled.train, strict=True)):
        assert torch.equal(own.features, other.features)
        assert torch.equal(other.views.images, published.train[(k + 1) % 2].views.images)
        assert not torch.equal(other.views.images, own.views.images)
    assert [e.digest() for e in published.validation] == [e.digest() for e in shuffled.validation]
    true_arms = {"lora_mse_true_distance", "lora_freq_true_distance"}
    assert {name for name, arm in ARMS.items() if arm.told is None} == true_arms
    assert [name for name, arm in ARMS.items() if arm.shuffled] == ["lora_shuffled"]


def test_the_published_condition_tells_each_object_its_own_wrong_distance(profile, tmp_path):
    plan = replace(profile, condition="published", finetuning=replace(profile.finetuning, arms=None))
    recorder = ArmRecorder(plan, ResultStore(tmp_path / "store"), tmp_path / "runs", "cpu")
    names = ("lora_mse", "lora_mse_told_1.25", "lora_mse_true_distance")
    named = {name: recorder.data(ARMS[name]) for name in names}
    for part in ("train", "validation"):
        for wrong, far, own in zip(*(getattr(data, part) for data in named.values()), strict=True):
            told, at_1_25, true = (example.camera[0, 7].item() for example in (wrong, far, own))
            assert told / true == pytest.approx(published_factor(wrong.name), rel=1e-5)
            assert at_1_25 / true == pytest.approx(1.25, rel=1e-5)
    settings = {name: configuration(plan, ARMS[name], 0)["told"] for name in named}
    assert list(settings.values()) == ["published", "1.25 x its own", None]
    assert configuration(profile, ARMS["lora_mse"], 0)["told"] == 2.0
    assert "lora_mse_told_0.8" not in [arm.name for arm in plan_arms(replace(plan, condition="truth"))]


def test_records_of_the_published_condition_say_what_was_learned(profile, tmp_path):
    plan = replace(profile, condition="published")
    recorder = ArmRecorder(plan, ResultStore(tmp_path / "store"), tmp_path / "runs", "cpu")
    result = recorder.make(ARMS["lora_mse"], 0)
    for curves in result["objects"].values():
        assert [len(curves["truth"][name]) for name in ("l1", "psnr", "ssim", "lpips")] == [2] * 4
        assert set(curves["extent"]) == {"told", "truth"}
    model, data = recorder.model, recorder.data(ARMS["lora_mse"]).validation
    learned = told_and_truth(model, model, data, data)
    for name, curves in learned.items():
        assert curves["truth"]["l1"] == pytest.approx([result["objects"][name]["l1"][0]] * 2)
        assert curves["extent"]["told"] == curves["extent"]["truth"]
        assert curves["extent"]["told"][0] == result["objects"][name]["extent"]["told"][0]


def test_the_arms_differ_in_what_their_names_say():
    assert [arm.seeds for arm in ARMS.values()][:4] == [5, 5, 5, 3]
    assert {arm.seeds for name, arm in ARMS.items() if name.startswith("full")} == {1}
    same = ARMS["lora_freq"].config
    assert (same.rank, same.form, same.lr, same.order, same.steps) == (4, "output", 5e-4, "published", 500)
    changed = {
        name: {key for key, value in vars(arm.config).items() if value != getattr(same, key)}
        for name, arm in ARMS.items()
    }
    assert changed["lora_mse"] == changed["lora_mse_x25"] == changed["lora_high"] == {"loss"}
    assert changed["lora_freq_nyquist"] == {"loss"}
    assert changed["lora_freq_random"] == {"order"}
    assert changed["lora_freq_projections"] == {"form"}
    assert changed["full_freq"] == changed["lora_freq_r2"] | {"lr"} == {"rank", "lr"}
    assert changed["lora_shuffled"] == changed["lora_freq_true_distance"] == set()
    assert {ARMS[f"lora_mse_r{rank}"].config.rank for rank in (2, 8, 16, 32)} == {2, 8, 16, 32}


def test_the_objects_of_the_profiles():
    train, validation = object_folders(get_profile("mini"))
    assert [folder.parent.name for folder in train] == ["real"] * 8 + ["procedural"] * 8
    assert [folder.parent.name for folder in validation] == ["real"] * 6 + ["procedural"] * 6
    assert not set(train) & set(validation)
    assert [len(part) for part in object_folders(get_profile("smoke"))] == [2, 2]
    many = replace(get_profile("mini"), finetuning=FinetunePlan(objects=(20, 6)))
    with pytest.raises(ValueError, match="procedural: expected at least 26 objects, found 24"):
        object_folders(many)
    with pytest.raises(FileNotFoundError, match="nowhere: expected a rendered object"):
        object_folders(replace(get_profile("paper"), objects=("nowhere",)))
