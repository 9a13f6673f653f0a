import inspect
import json

import pytest

import simtransfer
from simtransfer.commands import train as train_command
from simtransfer.commands import transfer as transfer_command
from simtransfer.plan import PLANS, TransferPlan
from simtransfer.run_config import TRANSFER, RunConfig, ScratchSettings, TrainingSettings

TINY = {
    "steps": 128,
    "interval": 128,
    "episodes": 2,
    "final_episodes": 2,
    "ppo": {"worlds": 2, "rollout": 64, "batch": 64, "epochs": 2},
}


@pytest.mark.parametrize("word", ["plan", "method"])
@pytest.mark.parametrize("by_name", [True, False])
def test_both_words_for_a_method_train_it_and_record_it(word, by_name, teacher_folder, tmp_path):
    given = "kickstart" if by_name else PLANS["kickstart"]
    student = simtransfer.transfer(teacher_folder, "van", output=tmp_path, **{word: given}, **TINY)
    record = json.loads((tmp_path / "config.json").read_text())
    for config in (record, student.bundle.provenance["config"]):
        assert config["method"] == "kickstart"
        assert [list(point) for point in config["plan"]["imitation"]["points"]] == [[0, 2], [1, 0]]
    assert {row.status for row in student.transferred} == {"new"}  # kickstart copies nothing


def test_a_plan_of_ones_own_is_recorded_as_such(teacher_folder, tmp_path):
    own = TransferPlan("copy the trunk", initialization="trunk")
    simtransfer.transfer(teacher_folder, "van", own, output=tmp_path, **TINY)
    assert json.loads((tmp_path / "config.json").read_text())["method"] == "custom"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methd": "kickstart"}, r"transfer\(\): unknown setting 'methd'"),
        ({"stepz": 5}, "did you mean 'steps'"),
        ({"method": "kickstart", "plan": "finetune"}, "give one of them"),
        ({"task": "parcel"}, "transfer\\(\\) takes no 'task': it is the teacher's"),
        ({"network": None}, "give hidden=… for other widths"),
        ({"algorithm": "sac"}, "students are trained by PPO"),
        ({"teacher": "van"}, "multiple values"),
        ({"metod": "kickstart"}, "did you mean 'method'"),
    ],
)
def test_transfer_swallows_nothing(settings, said, teacher_folder):
    with pytest.raises(TypeError, match=said):
        simtransfer.transfer(teacher_folder, "van", **settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tsk": "parcel"}, "did you mean 'task'"),
        ({"method": "finetune"}, "takes no 'method': it trains from scratch"),
        ({"teacher": "hatchback-driving"}, "takes no 'teacher'"),
        ({"worker": 2}, "unknown setting 'worker'"),
    ],
)
def test_train_swallows_nothing(settings, said):
    with pytest.raises(TypeError, match=said):
        simtransfer.train("van", **settings)


@pytest.mark.parametrize("function", [simtransfer.evaluate, simtransfer.load, simtransfer.make])
def test_other_functions_name_all_that_they_take(function):
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    with pytest.raises(TypeError):
        function("hatchback-driving", sweet=1)


def test_an_unknown_method_is_refused_with_the_nearest(teacher_folder):
    with pytest.raises(ValueError, match="did you mean 'kickstart'"):
        simtransfer.transfer(teacher_folder, "van", method="kikstart")
    with pytest.raises(ValueError, match="expected a name or a TransferPlan, got 3"):
        simtransfer.transfer(teacher_folder, "van", method=3)
    with pytest.raises(ValueError, match="hidden: expected widths such as"):
        simtransfer.transfer(teacher_folder, "van", method="dagger", hidden=5)
    with pytest.raises(ValueError, match="episodes: expected a whole number"):
        simtransfer.evaluate(teacher_folder, episodes=2.5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"output": ""}, "output: expected a folder, got ''"),
        ({"output": 5}, "output: expected a folder, got 5"),
        ({"robot": 5}, "robot: expected a name, a path or a Robot, got 5"),
        ({"robot": None}, "robot: expected a name, a path or a Robot, got None"),
    ],
)
def test_arguments_of_another_type_are_refused_before_anything_is_trained(settings, said):
    with pytest.raises(ValueError, match=said):
        simtransfer.train(**{"robot": "van", **settings}, **TINY)


def test_names_that_are_no_names_are_refused_in_words(teacher_folder):
    bundle = simtransfer.load(teacher_folder)
    for call, said in (
        (lambda: simtransfer.load(5), "bundle: expected a name, a folder or a Bundle, got 5"),
        (lambda: simtransfer.transfer(bundle, "van"), "teacher: .* got Bundle; save a bundle"),
        (lambda: simtransfer.make(5, "van"), "unknown task 5; choose from: driving"),
        (lambda: simtransfer.make("driving", "van", randomization=[]), "randomization: expected"),
        (lambda: simtransfer.evaluate(bundle, simulator=None), "unknown simulator None"),
    ):
        with pytest.raises(ValueError, match=said):
            call()


@pytest.mark.parametrize(
    ("command", "settings", "own"),
    [
        (train_command.train, ScratchSettings, {}),
        (transfer_command.transfer, TrainingSettings, TRANSFER),
    ],
)
def test_library_and_command_line_have_the_same_settings_and_defaults(command, settings, own):
    taken = inspect.signature(command).parameters
    assert settings.__annotations__.keys() <= taken.keys()
    for name in settings.__annotations__.keys() - {"ppo"}:
        assert taken[name].default == own.get(name, getattr(RunConfig, name)), name
