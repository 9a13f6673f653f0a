import imageio_ffmpeg
import pytest

from experiments.parcel_demo import EXPERIMENT, POLICIES, film, measure
from experiments.parcel_transfer import EXPERIMENT as TRANSFER
from experiments.parcel_tuning import SCRATCH

FOREIGN = tuple(policy for policy in POLICIES if policy[0] == "courier")


def test_a_shipped_policy_is_measured_in_a_body_that_it_was_not_trained_in():
    (row,) = measure(FOREIGN, episodes=4, workers=2)
    assert row["episodes"] == 4
    assert row["carried_rate"] >= 0.5
    assert FOREIGN[0][0] in row["suite"]


def test_the_film_shows_them_side_by_side(tmp_path):
    file = tmp_path / "side_by_side.mp4"
    film(FOREIGN, file)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(file))
    assert frames > 100
    assert seconds == pytest.approx(frames / 20.0, rel=0.05)  # every second control step


@pytest.mark.parametrize("experiment", [EXPERIMENT, TRANSFER])
def test_all_methods_are_trained_and_judged_in_the_same_world(experiment):
    assert experiment.randomization == experiment.evaluation == "nominal"
    assert experiment.task == SCRATCH.task == "parcel-detuned"
    assert "scratch" in experiment.methods
