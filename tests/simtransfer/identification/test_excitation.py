import numpy as np
import pytest

from envs import control_rate, find_robot, robots
from envs.rig import Rig
from simtransfer.identification.excitation import excitation


@pytest.mark.parametrize("name", sorted(robots()))
def test_commands_stay_within_limits_and_repeat_with_their_seed(name):
    robot = find_robot(name)
    rate = control_rate(robot.tasks[0])
    told = excitation(robot, rate, 3, 4.0, 7)
    again, other = (excitation(robot, rate, 3, 4.0, seed) for seed in (7, 8))
    for part, same, different in zip(told, again, other, strict=True):
        assert part.shape == (round(4.0 * rate), len(robot.actuators))
        for k, actuator in enumerate(robot.actuators):
            assert actuator.low <= part[:, k].min() <= part[:, k].max() <= actuator.high
        np.testing.assert_array_equal(part, same)
        assert not np.array_equal(part, different)


def test_a_humanoid_that_sways_still_stands_after_a_second():
    robot = find_robot("porter")
    roles = [actuator.role for actuator in robot.actuators]
    rig = Rig(robot)
    for told in excitation(robot, 40.0, 3, 1.0, 0):
        commands = [dict(zip(roles, row, strict=True)) for row in told.tolist()]
        assert rig.play(commands, {}, np.random.default_rng(0))[-1, 2] < -0.8
    rig.close()


def test_nothing_to_do_is_refused():
    # A log of 9 rows could not be read again; one of a million hours could not be held.
    wrong = ((0, 4.0), (2, 0.01), (1, 0.9), (1, float("nan")), (10**6, 3600.0))
    for episodes, seconds in wrong:
        with pytest.raises(ValueError):
            excitation(find_robot("hatchback"), 10.0, episodes, seconds, 0)
