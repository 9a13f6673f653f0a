import os
import signal

import numpy as np
import pytest

from envs.interface import Feature
from simtransfer.target.safety import EmergencyStopError, ReadingCheck, interruption

FEATURES = [Feature("speed", "m/s", 0.0, 10.0), Feature("angle", "rad", -1.0, 1.0)]


@pytest.mark.parametrize("reading", [[0, 0], [10, -1], [10.5, 1.1]])
def test_a_sound_reading_passes(reading):
    ReadingCheck(FEATURES)(np.asarray(reading, dtype=np.float32))


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ([np.nan, 0], "speed reads nan"),
        ([0, np.inf], "angle reads inf"),
        ([0, -1.3], "angle reads -1.3; expected -1.2 to 1.2"),
        ([99, 0], "speed reads 99; expected -1 to 11"),
    ],
)
def test_no_policy_acts_on_an_unsound_reading(reading, said):
    with pytest.raises(EmergencyStopError, match=said):
        ReadingCheck(FEATURES)(np.asarray(reading, dtype=np.float32))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_told_and_handlers_put_back(number):
    before = signal.getsignal(number)
    with interruption() as interrupted:
        assert interrupted() == ""
        os.kill(os.getpid(), number)
        assert interrupted() == number.name
    assert signal.getsignal(number) is before
