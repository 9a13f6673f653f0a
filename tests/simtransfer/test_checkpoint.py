"""A checkpoint that was damaged, or made to mislead: refused in one line, never trained from."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from agents.bundle import DESCRIPTION, Network
from agents.settings import PPOSettings
from simtransfer.checksums import CHECKSUMS
from simtransfer.run import CHECKPOINT, Run
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule

CONFIG = RunConfig(
    robot="van",
    steps=128,
    interval=64,
    episodes=1,
    final_episodes=1,
    randomization="wide",
    schedule=Schedule("automatic"),
    network=Network((8,), (8,)),
    ppo=PPOSettings(worlds=2, rollout=16, batch=32, epochs=1),
)


def interrupted(folder):
    """A run that was stopped in its second segment."""

    def stop(progress):
        if progress.steps > 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Run(CONFIG, folder, stop).execute()
    return Run(CONFIG, folder)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run with a checkpoint, the checkpoint's bytes, and its content."""
    run = interrupted(tmp_path_factory.mktemp("stopped") / "run")
    file = run.folder / CHECKPOINT
    with safe_open(file, "pt") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        about = opened.metadata()
    return run, file.read_bytes(), tensors, about


@pytest.fixture
def resume(stopped, monkeypatch):
    """Writes a checkpoint of other bytes and takes it up, as far as that goes."""
    run, whole, *_ = stopped
    file = run.folder / CHECKPOINT
    listed = (run.folder / CHECKSUMS).read_text()
    monkeypatch.setattr(Run, "_train", trains)

    def resume(content=None):
        if content is not None:
            file.write_bytes(content)
        Run(run.config, run.folder).execute()

    yield file, resume
    file.write_bytes(whole)
    (run.folder / CHECKSUMS).write_text(listed)


def trains(*_):
    raise RuntimeError("it trains")


def test_a_whole_one_is_trained_from(resume):
    with pytest.raises(RuntimeError, match="it trains"):
        resume[1]()


@pytest.mark.parametrize("place", [0.01, 0.1, 0.5, 0.999])
def test_a_flipped_bit_is_noticed(stopped, resume, place):
    content = bytearray(stopped[1])
    content[int(place * len(content))] ^= 16
    with pytest.raises(ValueError, match=rf"{CHECKPOINT}: damaged.*remove it to begin again"):
        resume[1](content)


ROWS = {"suite": "mixed", "step": 0, "episodes": 1, "success_rate": 1.0}
ABOUT = [
    *({"segment": s} for s in ("999", "-1", "x", "nan", "", "0", "9" * 5000, "1.5")),
    *({"seconds": s} for s in ("nan", "inf", "x", "")),
    *({"rows": s} for s in ("", "3", "[]", "{}", "[1]", "[" * 9000, json.dumps([ROWS]), "null")),
    *({"measured": s} for s in ("", "3", "{}", "[1]", '[{"suite": "mixed"}]')),
    *({"widths": s} for s in ("", "3", "[3]", "[[1]]", '[[{"step": 1}]]')),
]


@pytest.mark.parametrize("change", ABOUT, ids=lambda change: repr(change)[:40])
def test_impossible_words_are_refused(stopped, resume, change):
    refused(resume, stopped[2], stopped[3] | change)


@pytest.mark.parametrize(
    "change",
    [
        lambda name, tensor: {},
        lambda name, tensor: {name: torch.full_like(tensor, torch.nan, dtype=torch.float32)},
        lambda name, tensor: {name: torch.zeros(3, 1, 2)},
        lambda name, tensor: {name: tensor + 1000.0 if name.endswith("steps") else 0 * tensor[:1]},
    ],
    ids=["missing", "nan", "shape", "value"],
)
@pytest.mark.parametrize("name", ["learner.steps", "learner.policy.action_net.weight"])
def test_impossible_tensors_are_refused(stopped, resume, name, change):
    _, _, tensors, about = stopped
    others = {key: tensor for key, tensor in tensors.items() if key != name}
    refused(resume, others | change(name, tensors[name]), about)


def refused(resume, tensors, about):
    file, again = resume
    (file.parent / CHECKSUMS).unlink()
    save_file(tensors, file, about)
    with pytest.raises(ValueError, match=rf"{CHECKPOINT}: .*remove it to begin again") as error:
        again()
    assert "\n" not in str(error.value)


def test_a_run_that_was_killed_while_it_wrote_its_bundle_finishes(tmp_path):
    run = interrupted(tmp_path / "run")
    draft = run.folder / ".bundle.draft"  # as `agents.bundle_folder.replace_folder` leaves it
    draft.mkdir()
    (draft / DESCRIPTION).write_text("{")
    run.execute()
    assert run.trained().task == "driving"
    assert not draft.exists()
