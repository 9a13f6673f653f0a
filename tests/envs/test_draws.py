import numpy as np
import pytest

from envs import make_environment
from envs.draws import Draws, Probe
from envs.parameters import PARAMETERS
from envs.randomization import RANDOMIZATIONS, Term

WIDE = RANDOMIZATIONS["wide"]


def test_an_episode_is_held_at_the_end_that_it_probes_as_often_as_asked():
    terms = (
        Term("friction", "reset", "scale", 0.5, 1.0),
        Term("push", "interval", "set", -0.3, 0.3, period=0.1),
    )
    probes = (Probe(0, False, 0.5), Probe(1, True, 0.3))
    draws, rng = Draws(terms), np.random.default_rng(0)
    draws.use(terms, probes, 0.5)
    seen = []
    for _ in range(2000):
        draws.redraw("reset", rng)
        seen.append(draws.probe)
        if draws.probe == probes[0]:
            assert draws.values["friction"] == 0.5
        pushed = draws.redraw("interval", rng, 0.1)["push"]
        assert (pushed == 0.3) == (draws.probe == probes[1])
    for probe in probes:
        assert seen.count(probe) == pytest.approx(500, abs=80)


def test_what_a_world_was_loaded_with_is_probed_until_it_is_loaded_anew():
    terms = (Term("lidar_yaw", "load", "add", -2.0, 2.0),)
    probe = Probe(0, True, 2.0)
    draws, rng = Draws(terms), np.random.default_rng(0)
    draws.use(terms, (probe,), 1.0)
    draws.redraw("load", rng)
    for _ in range(3):
        draws.redraw("reset", rng)
        assert draws.probe == probe
        assert draws.values["lidar_yaw"] == 2.0
    draws.use(terms)
    draws.redraw("load", rng)
    draws.redraw("reset", rng)
    assert draws.probe is None


def test_a_world_says_at_an_episodes_end_what_it_probed_and_takes_no_other_parameters():
    world = make_environment("driving", "hatchback", randomization="wide")
    terms = tuple(term.within(0.5, 0.5) for term in WIDE)
    probe = Probe(0, False, terms[0].low)
    world.randomize(terms, (probe,), 1.0)
    world.reset(seed=0)
    assert world._draws.values["friction"] == pytest.approx(0.7)
    ended = False
    while not ended:
        _, _, terminated, truncated, info = world.step(np.array([1.0, 1.0], dtype=np.float32))
        ended = terminated or truncated
        assert ended == ("probe" in info)
    assert info["probe"] == probe
    with pytest.raises(ValueError, match="'friction' is not drawn both before and from now on"):
        world.randomize(terms[1:])
    world.close()


@pytest.mark.parametrize("term", [*WIDE, *RANDOMIZATIONS["bodies"]], ids=lambda t: t.parameter)
def test_part_of_a_range_lies_within_it_about_what_changes_nothing(term):
    assert term.within(1.0, 1.0) == term
    nothing = term.within(0.0, 0.0)
    assert nothing.low == nothing.high == term.neutral
    assert nothing.made(term.neutral) == PARAMETERS[term.parameter].initial
