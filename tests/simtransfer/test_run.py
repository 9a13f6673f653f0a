import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.bundle import Network, lineage, load_bundle, save_bundle
from agents.group import LocalGroup
from agents.settings import TUNED, PPOSettings, SACSettings
from agents.worlds import Worlds
from simtransfer.experiment import ExperimentConfig, _describe
from simtransfer.plan import PLANS, find_plan
from simtransfer.recollection import recollect
from simtransfer.run import Run
from simtransfer.run_config import RunConfig
from simtransfer.schedule import Schedule
from simtransfer.teaching import ASKEW

SMALL = RunConfig(
    robot="van",
    steps=256,
    interval=128,
    episodes=3,  # thirds of a success are what a record could round
    final_episodes=4,
    network=Network((16, 16), (16, 16)),
    ppo=PPOSettings(worlds=2, rollout=64, batch=64, epochs=2),
    sac=SACSettings(worlds=2, batch=32, buffer=1000, start=32),
)


def config(method, teacher):
    plan = find_plan(method)
    return replace(
        SMALL, method=method, plan=plan, teacher=str(teacher) if plan.needs_teacher else None
    )


def curve(folder):
    return pd.read_parquet(folder / "curve.parquet").drop(columns="wall_seconds")


@pytest.mark.parametrize("method", list(PLANS))
def test_every_method_runs_and_leaves_a_loadable_bundle(method, teacher_folder, tmp_path):
    folder = tmp_path / method
    run = Run(config(method, teacher_folder), folder)
    run.execute()
    steps = sorted(set(curve(folder)["step"]))
    assert steps == ([0] if method == "zero_shot" else [0, 128, 256])
    assert set(curve(folder)["suite"]) == {"mixed", "nominal", "jaywalker", "wrong_way"}
    assert (folder / "done.json").exists()
    assert [file.name for file in folder.glob(".*")] == [".lock"]
    if method == "zero_shot":
        assert not run.bundle.exists()
    else:
        assert load_bundle(run.bundle).robot == "van"


def built(chosen, folder):
    """A run whose learner has what its teacher gives it, before it trains."""
    run = Run(chosen, folder)
    run._training = Worlds(LocalGroup(run.make("nominal"), 2))
    run.folder.mkdir()
    run._build()
    return run


@pytest.mark.parametrize("method", ["last_layer", "frozen"])
def test_frozen_layers_do_not_move(method, teacher_folder, tmp_path):
    run = built(config(method, teacher_folder), tmp_path / "run")
    before = {name: tensor.clone() for name, tensor in run.learner.tensors().items()}
    run._train(0)
    after = run.learner.tensors()
    for name, tensor in before.items():
        if name.startswith("actor.trunk"):
            assert torch.equal(tensor, after[name]), name
    assert not torch.equal(before["critic.head.weight"], after["critic.head.weight"])


@pytest.mark.parametrize("askew", [False, True])
def test_weights_that_cannot_learn_with_a_mirror_are_told_of(askew, tmp_path, monkeypatch):
    teacher = load_bundle("porter-parcel-detuned")
    tensors = dict(teacher.tensors)
    if askew:
        tensors["actor.head.bias"] = torch.linspace(-1.0, 1.0, len(tensors["actor.head.bias"]))
    save_bundle(replace(teacher, tensors=tensors), tmp_path / "teacher")
    chosen = replace(
        config("finetune", tmp_path / "teacher"),
        task="parcel-detuned",
        robot="porter",
        network=teacher.network,
        ppo=replace(SMALL.ppo, mirrored=True),
    )
    nothing = np.zeros((2, len(teacher.reads)), dtype=np.float32)  # is fitted: one body, one head
    monkeypatch.setattr("simtransfer.teaching.recollect", lambda *_: nothing)
    built(chosen, tmp_path / "run")
    rows = json.loads((tmp_path / "run/transfer.json").read_text())
    assert any(ASKEW in row["detail"] for row in rows) == askew


@pytest.mark.parametrize(("method", "waits"), [("scratch", True), ("finetune", False)])
def test_only_who_has_no_critic_waits_for_one(method, waits, teacher_folder, tmp_path):
    chosen = config(method, teacher_folder)
    chosen = replace(chosen, ppo=replace(chosen.ppo, critic_first=1000))
    run = built(chosen, tmp_path / "run")
    before = run.learner.tensors()["actor.head.weight"].clone()
    run._train(0)
    assert torch.equal(before, run.learner.tensors()["actor.head.weight"]) == waits


@pytest.mark.parametrize(
    ("method", "steps"), [("scratch", 0), ("frozen", 0), ("finetune", 1000), ("last_layer", 1000)]
)
def test_only_who_has_an_actor_to_lose_warms_up(method, steps, teacher_folder, tmp_path):
    chosen = config(method, teacher_folder)
    chosen = replace(chosen, ppo=replace(chosen.ppo, warm_up=1000))
    run = built(chosen, tmp_path / "run")
    assert run.learner.algorithm.warm_up == steps


@pytest.mark.parametrize(("algorithm", "method"), [("ppo", "dagger"), ("sac", "scratch")])
def test_the_same_seed_gives_the_same_curve_to_the_bit(algorithm, method, teacher_folder, tmp_path):
    chosen = replace(config(method, teacher_folder), algorithm=algorithm)
    for name in ("a", "b"):
        Run(chosen, tmp_path / name).execute()
    pd.testing.assert_frame_equal(curve(tmp_path / "a"), curve(tmp_path / "b"), check_exact=True)
    first, second = (load_bundle(tmp_path / name / "bundle") for name in ("a", "b"))
    assert all(torch.equal(first.tensors[k], second.tensors[k]) for k in first.tensors)


def test_any_number_of_processes_gives_the_same_curve_to_the_bit(teacher_folder, tmp_path):
    chosen = config("kickstart", teacher_folder)
    for workers in (1, 2):
        Run(chosen, tmp_path / str(workers), workers=workers).execute()
    pd.testing.assert_frame_equal(curve(tmp_path / "1"), curve(tmp_path / "2"), check_exact=True)
    first, second = (load_bundle(tmp_path / name / "bundle") for name in ("1", "2"))
    assert all(torch.equal(first.tensors[k], second.tensors[k]) for k in first.tensors)


def test_a_policy_tells_of_all_who_taught_it_and_what_that_took(tmp_path):
    first = Run(SMALL, tmp_path / "first", command="train")
    first.execute()
    second = Run(config("finetune", first.bundle), tmp_path / "second", command="transfer")
    second.execute()
    told = lineage(load_bundle(second.bundle))
    assert [(each["command"], each["steps"]) for each in told] == [
        ("train", 256),
        ("transfer", 256),
    ]
    assert [each["digest"] for each in told] == [
        load_bundle(run.bundle).digest for run in (first, second)
    ]
    experiment = ExperimentConfig(teacher=str(second.bundle), students=("van",))
    assert _describe(experiment, "")["teacher"]["steps"] == 512


def test_the_engine_of_a_run_is_that_of_its_worlds_and_evaluations(tmp_path):
    mujoco = pytest.importorskip("envs.mujoco_world").Mujoco
    run = Run(replace(SMALL, steps=128, simulator="mujoco"), tmp_path / "mujoco")
    world = run.make("none")()
    assert isinstance(world.simulator, mujoco)
    world.close()
    run.execute()
    assert load_bundle(run.bundle).provenance["config"]["simulator"] == "mujoco"
    other = Run(replace(SMALL, steps=128), tmp_path / "pybullet")
    other.execute()
    measured = [curve(tmp_path / name)["return_mean"].iloc[0] for name in ("mujoco", "pybullet")]
    assert measured[0] != measured[1]  # the same untrained policy on the same episodes


def test_another_seed_gives_another_policy(tmp_path):
    runs = [Run(replace(SMALL, seed=seed), tmp_path / str(seed)) for seed in (0, 1)]
    for run in runs:
        run.execute()
    bundles = [load_bundle(run.bundle) for run in runs]
    name = "actor.head.weight"
    assert not torch.equal(bundles[0].tensors[name], bundles[1].tensors[name])


SCRIPT = """
import sys, time
from pathlib import Path
from tests.simtransfer.test_run import renewed
from simtransfer.run import Run

method, renewal, late, workers, teacher, folder = sys.argv[1:]

def linger(progress):
    if progress.steps >= int(late):
        print("late", flush=True)
        time.sleep(60)

chosen = renewed(method, int(renewal), teacher)
if __name__ == "__main__":
    Run(chosen, Path(folder), linger, workers=int(workers)).execute()
"""


def renewed(method, renewal, teacher):
    return replace(config(method, teacher), steps=256 * renewal, renewal=renewal)


@pytest.mark.parametrize(
    ("method", "renewal", "late", "workers"),
    [("scratch", 1, 192, 1), ("scratch", 1, 192, 2), ("scratch", 2, 448, 1), ("dagger", 2, 448, 1)],
)
def test_killed_with_no_warning_it_goes_on_to_the_same_curve(
    method, renewal, late, workers, teacher_folder, tmp_path
):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    chosen = renewed(method, renewal, teacher_folder)
    Run(chosen, undisturbed).execute()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", SCRIPT),
            *(method, str(renewal), str(late), str(workers), str(teacher_folder), str(killed)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "late"
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (killed / "done.json").exists()
    Run(chosen, killed).execute()
    pd.testing.assert_frame_equal(curve(undisturbed), curve(killed), check_exact=True)
    steps = [event.step for event in figures(killed)]
    assert steps == [event.step for event in figures(undisturbed)] == sorted(set(steps))


def figures(folder):
    """What TensorBoard shows of a run, a point a rollout."""
    shown = EventAccumulator(str(folder / "tensorboard"))
    return shown.Reload().Scalars("time/fps")


def test_killed_before_an_evaluation_ended_it_makes_it_again(tmp_path, monkeypatch):
    chosen = replace(SMALL, schedule=Schedule("curriculum"), randomization="wide")
    Run(chosen, tmp_path / "undisturbed").execute()

    def stopped(run, segment):
        save(run, segment)
        held.append(run._curve.holds(128))
        raise KeyboardInterrupt

    save, held = Run._save, []
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Run, "_save", stopped)
        Run(chosen, tmp_path / "killed", workers=2).execute()
    assert held == [False]
    Run(chosen, tmp_path / "killed", workers=2).execute()
    for name in ("curve.parquet", "ranges.parquet"):
        tables = [
            pd.read_parquet(tmp_path / folder / name).drop(columns="wall_seconds", errors="ignore")
            for folder in ("undisturbed", "killed")
        ]
        pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_worlds_go_on_from_one_evaluation_to_the_next_until_they_are_renewed(tmp_path):
    run = Run(replace(SMALL, steps=512, renewal=2), tmp_path / "run")
    begun = []

    class Counted(Worlds):
        begun = 0

        def reset(self):
            self.begun += 1
            return super().reset()

    run._training = Counted(LocalGroup(run.make("nominal"), 2))
    run.folder.mkdir()
    run._build()
    for segment in range(4):
        run._train(segment)
        begun.append(run._training.begun)
    assert begun == [1, 1, 2, 2]


def test_a_record_from_before_a_setting_is_of_its_default(tmp_path):
    run = Run(replace(SMALL, steps=128), tmp_path / "run")
    run.execute()
    record = json.loads((tmp_path / "run" / "config.json").read_text())
    del record["renewal"], record["simulator"], record["ppo"]["warm_up"], record["sac"]["updates"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(record))
    (tmp_path / "run" / "checksums.json").unlink()
    assert run.is_done()
    with pytest.raises(ValueError, match="another configuration"):
        Run(replace(run.config, renewal=2), run.folder).is_done()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"renewal": 0}, "renewal must be at least 1"),
        ({"seed": -1}, "seed must not be negative"),
        ({"episodes": 0}, "episodes must be at least 1"),
        ({"algorithm": "pp0"}, "did you mean 'ppo'"),
        ({"randomization": "nominall"}, "did you mean 'nominal'"),
        ({"robot": "vam"}, "did you mean 'van'"),
        ({"task": "drivin"}, "did you mean 'driving'"),
        ({"simulator": "mujocco"}, "did you mean 'mujoco'"),
        ({"plan": PLANS["finetune"], "method": "finetune"}, "needs a teacher"),
    ],
)
def test_impossible_figures_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(SMALL, **change)


def test_a_checkpoint_of_something_else_says_what_to_do(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    save_file({"other": torch.zeros(3)}, folder / "checkpoint.safetensors")
    with pytest.raises(ValueError, match="not a checkpoint of this run") as error:
        Run(SMALL, folder).execute()
    assert "\n" not in str(error.value)


def test_a_finished_run_without_its_bundle_says_so(tmp_path):
    folder = tmp_path / "run"
    Run(SMALL, folder).execute()
    shutil.rmtree(folder / "bundle")
    run = Run(SMALL, folder)
    assert not run.execute()
    with pytest.raises(ValueError, match="is missing though the run is finished"):
        run.trained()


def test_a_damaged_checkpoint_says_what_to_do(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "checkpoint.safetensors").write_bytes(b"half a record")
    with pytest.raises(ValueError, match="remove it to begin again"):
        Run(SMALL, folder).execute()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PPOSettings(worlds=0), "ppo.worlds must be positive"),
        (lambda: PPOSettings(discount=float("nan")), "ppo.discount must be from 0 to 1"),
        (lambda: PPOSettings(learning_rate=float("inf")), "ppo.learning_rate must be positive"),
        (lambda: PPOSettings(trace=-3), "ppo.trace must be from 0 to 1"),
        (lambda: PPOSettings(entropy=float("nan")), "ppo.entropy must not be negative"),
        (lambda: PPOSettings(batch=0), "ppo.batch must be at least 2"),
        (lambda: PPOSettings(exploration=0.0), "ppo.exploration must be positive"),
        (lambda: SACSettings(batch=0), "sac.batch must be positive"),
        (lambda: Network(hidden=()), "network.hidden"),
        (lambda: Network(activation="foo"), "unknown activation"),
    ],
)
def test_settings_that_cannot_train_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_finished_run_is_left_as_it_is_and_another_is_refused(tmp_path):
    folder = tmp_path / "run"
    Run(SMALL, folder).execute()
    before = (folder / "curve.parquet").stat().st_mtime_ns
    Run(SMALL, folder).execute()
    assert (folder / "curve.parquet").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="another configuration: seed is 0 there, 5 here; remove"):
        Run(replace(SMALL, seed=5), folder).execute()


def test_a_run_whose_randomization_file_has_changed_is_refused(tmp_path):
    file = tmp_path / "terms.toml"
    rows = "[[samples]]\nnames = ['mass', 'friction']\nrows = [[1.0, 0.9], [1.2, 0.8]]\n"
    file.write_text(rows)
    config = replace(SMALL, randomization=str(file))
    assert Run(config, tmp_path / "run").execute()
    file.write_text("# what a comment says changes nothing\n" + rows)
    assert not Run(config, tmp_path / "run").execute()
    file.write_text(rows.replace("0.8", "0.7"))
    with pytest.raises(ValueError, match="holds a run with another configuration"):
        Run(config, tmp_path / "run").execute()


def test_two_at_once_in_one_folder_do_the_work_once(tmp_path):
    folder = tmp_path / "run"
    script = SCRIPT.replace("60", "0")
    arguments = [sys.executable, "-c", script, "scratch", "1", "192", "1", "none", str(folder)]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE) for _ in range(2)]
    printed = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(bool(text) for text in printed) == [False, True]


def test_steps_are_rounded_up_to_whole_rollouts_and_no_further(tmp_path):
    run = Run(replace(SMALL, steps=200, interval=100_000), tmp_path / "run")
    run.execute()
    assert sorted(set(curve(run.folder)["step"])) == [0, 256]
    assert json.loads((run.folder / "done.json").read_text())["steps"] == 256
    assert json.loads((run.folder / "config.json").read_text())["steps"] == 256
    assert load_bundle(run.bundle).provenance["config"]["steps"] == 256
    assert run.segments.rounding(run.config) == (
        "training 256 steps instead of 200: whole rollouts of 128; "
        "evaluating every 256 steps instead of 100,000"
    )
    assert Run(SMALL, tmp_path / "other").segments.rounding(SMALL) == ""


def test_the_last_segment_may_be_shorter(tmp_path):
    run = Run(replace(SMALL, steps=384, interval=256), tmp_path / "run")
    run.execute()
    assert sorted(set(curve(run.folder)["step"])) == [0, 256, 384]


@pytest.mark.parametrize(
    ("method", "steps"), [("scratch", 128), ("scratch", 256), ("finetune", 384)]
)
def test_a_finished_run_is_trained_further_as_if_it_had_never_ended(
    method, steps, teacher_folder, tmp_path
):
    """Also from an end between two evaluations, from the checkpoint before it."""
    chosen = replace(config(method, teacher_folder), interval=256, steps=steps)
    longer = replace(chosen, steps=640)
    Run(chosen, tmp_path / "extended").execute()
    assert Run(longer, tmp_path / "extended").execute()
    Run(longer, tmp_path / "whole").execute()
    tables = [curve(tmp_path / name) for name in ("extended", "whole")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    first, second = (load_bundle(tmp_path / name / "bundle") for name in ("extended", "whole"))
    assert all(torch.equal(first.tensors[k], second.tensors[k]) for k in first.tensors)
    with pytest.raises(ValueError, match="steps is 640 there, 256 here"):
        Run(replace(chosen, steps=256), tmp_path / "extended").execute()


def test_a_run_whose_plan_spans_the_budget_cannot_be_trained_further(teacher_folder, tmp_path):
    chosen = replace(config("kickstart", teacher_folder), steps=128)
    Run(chosen, tmp_path / "run").execute()
    with pytest.raises(
        ValueError, match=r"256 here \(it cannot be extended: kickstart's schedules span"
    ):
        Run(replace(chosen, steps=256), tmp_path / "run").execute()


def test_what_differs_is_named_with_both_values_nested_keys_dotted(tmp_path):
    Run(replace(SMALL, steps=128), tmp_path / "run").execute()
    other = replace(SMALL, steps=128, robot="trike", ppo=replace(SMALL.ppo, epochs=3, clip=0.1))
    with pytest.raises(ValueError, match="another configuration") as refused:
        Run(other, tmp_path / "run").execute()
    for said in ("robot is 'van' there, 'trike' here", "ppo.epochs is 2 there, 3 here"):
        assert said in str(refused.value)


def test_a_record_of_before_names_the_schedule_that_it_had(tmp_path):
    """Learning rates fell over the budget then, which was whole intervals."""
    run = Run(replace(SMALL, steps=128), tmp_path / "run")
    run.execute()
    record = json.loads((run.folder / "config.json").read_text())
    del record["ppo"]["decay"]
    (run.folder / "checksums.json").unlink()
    (run.folder / "config.json").write_text(json.dumps(record | {"steps": 100}))
    with pytest.raises(ValueError, match=r"ppo\.decay is 128 there, 1024000 here; remove"):
        run.is_done()
    assert Run(replace(run.config, ppo=replace(SMALL.ppo, decay=128)), run.folder).is_done()


@pytest.mark.parametrize("budget", [128, 512])
def test_a_plan_ends_at_the_same_weight_whatever_the_budget(budget, teacher_folder, tmp_path):
    weights = []
    chosen = replace(config("kickstart", teacher_folder), steps=budget)

    def note(progress):
        if run._taught.imitation:
            weights.append(run._taught.imitation.weight)

    run = Run(chosen, tmp_path / "run", note)
    run.execute()
    assert weights[1] == 2.0  # in the first rollout
    assert weights[-1] == pytest.approx(2.0 * 128 / budget)  # in the last one


def test_a_resumed_run_does_not_fit_again(teacher_folder, tmp_path, monkeypatch):
    played = []

    def counted(*arguments):
        played.append(arguments)
        return recollect(*arguments)

    monkeypatch.setattr("simtransfer.teaching.recollect", counted)
    chosen = replace(config("finetune", teacher_folder), steps=128)
    Run(chosen, tmp_path / "run").execute()
    rows = (tmp_path / "run/transfer.json").read_text()
    Run(replace(chosen, steps=256), tmp_path / "run").execute()
    assert len(played) == 1
    assert (tmp_path / "run/transfer.json").read_text() == rows
    Run(config("frozen", teacher_folder), tmp_path / "frozen").execute()
    assert len(played) == 1


def test_hyperparameters_are_those_of_the_task_that_is_run():
    changed = replace(RunConfig(ppo={"entropy": 0.5}), task="parcel", robot="porter")
    assert changed.hyperparameters == replace(TUNED["parcel"], entropy=0.5)
    assert replace(RunConfig(), task="parcel", robot="porter").hyperparameters == TUNED["parcel"]
    assert changed.resolved()["ppo"] == asdict(changed.hyperparameters)


def test_a_method_is_what_its_plan_is_called(teacher_folder):
    teacher = str(teacher_folder)
    assert RunConfig(method="finetune", teacher=teacher).plan == PLANS["finetune"]
    assert RunConfig(plan=PLANS["finetune"], teacher=teacher).method == "finetune"
    with pytest.raises(ValueError, match="method 'kickstart' is not the plan given"):
        replace(RunConfig(), method="kickstart", teacher=teacher)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 2e4}, "steps: expected a whole number, got 20000.0"),
        ({"seed": "1"}, "seed: expected a whole number, got '1'"),
        ({"ppo": {"worlds": 10**9}}, "ppo.worlds must be at most 4,096, got 1000000000"),
        ({"ppo": {"rollout": 2.5}}, "ppo.rollout: expected a whole number, got 2.5"),
        ({"ppo": {"entropi": 1.0}}, "did you mean 'entropy'"),
        ({"schedule": "curriculum"}, "schedule: expected a Schedule, got 'curriculum'"),
        ({"plan": "finetune"}, "plan: expected a TransferPlan, got 'finetune'"),
    ],
)
def test_values_of_another_kind_or_beyond_limits_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(SMALL, **change)


def test_what_does_not_fit_in_memory_is_refused_before_it_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.memory.available_memory", lambda: 2_000_000_000)
    large = replace(SMALL, ppo=replace(SMALL.ppo, worlds=100))
    with pytest.raises(ValueError, match=r"needs about 3.8 GB .*ppo.worlds 3.7 GB.*2.0 GB are"):
        Run(large, tmp_path / "run").execute()
    assert not (tmp_path / "run").exists()
    assert Run(replace(SMALL, steps=128), tmp_path / "small").execute()
