import multiprocessing
import time
from dataclasses import replace
from functools import partial

import pytest

from simtransfer import search as module
from simtransfer.search import (
    Search,
    draw,
    evolution_strategy,
    finished,
    open_study,
    tree_of_parzen_estimators,
    work,
)


def valley(trial):
    """Best where both are one."""
    trial.report(0.0, 0)
    x, y = (trial.suggest_float(name, 0.1, 3.0, log=name == "x") for name in "xy")
    return -((x - 1.0) ** 2) - (y - 1.0) ** 2


SAMPLERS = (tree_of_parzen_estimators, evolution_strategy)


def search_with(sampler):
    return Search("valley", valley, {"x": 2.0, "y": 2.5}, "depth", {"steps": (1, 2)}, sampler)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_is_in_use_is_tried_first_and_something_better_is_found(tmp_path, sampler):
    search = search_with(sampler)
    work(search, tmp_path, 40)
    trials = finished(open_study(search, tmp_path))
    assert trials[0].params == search.first
    assert max(trial.value for trial in trials) > trials[0].value + 1.0


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_goes_on_and_ends_with_its_trials(tmp_path, sampler):
    search = search_with(sampler)
    work(search, tmp_path, 4)
    work(search, tmp_path, 10)
    study = open_study(search, tmp_path)
    assert len(finished(study)) == 10
    work(search, tmp_path, 10)
    assert len(finished(open_study(search, tmp_path))) == 10
    draw(search, study, tmp_path / "settings.png")
    assert (tmp_path / "settings.png").stat().st_size > 10_000


def test_several_processes_work_on_one_search(tmp_path):
    study = module.conduct(search_with(evolution_strategy), tmp_path, 6, workers=2)
    assert len(finished(study)) >= 6
    assert (tmp_path / "trials.csv").read_text().count("\n") >= 7


def test_trials_of_another_search_are_not_mixed_in(tmp_path):
    begun = search_with(evolution_strategy)
    open_study(begun, tmp_path)
    open_study(begun, tmp_path)
    with pytest.raises(ValueError, match=r"something else: steps is .* remove it"):
        open_study(replace(begun, about={"steps": (1, 3)}), tmp_path)


def along_x(trial):
    return trial.suggest_float("x", 0.1, 3.0, log=True)


def test_the_best_are_tried_once_more_and_ranked_by_that(tmp_path):
    search = search_with(evolution_strategy)
    work(search, tmp_path, 20)
    study = open_study(search, tmp_path)
    table = module.confirm(study, along_x, 3, workers=2)
    best = sorted(study.trials, key=lambda trial: -trial.value)[:3]
    assert set(table["number"]) == {trial.number for trial in best}
    assert list(table["again"]) == sorted((trial.params["x"] for trial in best), reverse=True)
    assert list(table["worth"]) == [study.trials[number].value for number in table["number"]]


def endless(folder, trial):
    while True:
        with (folder / "alive").open("a") as file:
            file.write(".")
        time.sleep(0.05)


def begin_an_endless_search(folder):
    search = replace(search_with(evolution_strategy), objective=partial(endless, folder))
    module.conduct(search, folder, 2, workers=2)


def test_who_works_on_a_search_ends_with_it_even_if_it_is_killed(tmp_path):
    process = multiprocessing.get_context("spawn").Process(
        target=begin_an_endless_search, args=(tmp_path,)
    )
    process.start()
    alive = tmp_path / "alive"
    until(lambda: alive.exists())
    process.kill()
    process.join()

    def stopped():
        size = alive.stat().st_size
        time.sleep(0.5)
        return alive.stat().st_size == size

    until(stopped)


def until(holds):
    end = time.monotonic() + 300.0
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
