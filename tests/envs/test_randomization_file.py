import json
import os

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from envs import make_environment
from envs.draws import Draws
from envs.parameters import PARAMETERS
from envs.randomization import RANDOMIZATIONS, Samples, Term
from envs.randomization_file import (
    as_toml,
    digest,
    find_randomization,
    is_file,
    read_randomization,
)

TERM = """
[[term]]
parameter = "friction"
occasion = "reset"
operation = "scale"
distribution = "truncated"
low = 0.5
high = 0.9
"""
SAMPLES = """
[[samples]]
names = ["mass", "motor_strength"]
rows = [[0.8, 0.8], [1.2, 1.2]]
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="terms.toml"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


def test_a_file_is_as_good_as_a_name(write):
    file = write(TERM + SAMPLES)
    assert is_file(str(file))
    assert not is_file("wide")
    assert find_randomization(str(file)) == (
        Term("friction", "reset", "scale", 0.5, 0.9, "truncated"),
        Samples(("mass", "motor_strength"), ((0.8, 0.8), (1.2, 1.2))),
    )


@pytest.mark.parametrize("name", sorted(set(RANDOMIZATIONS) - {"none"}))
def test_every_set_survives_being_written(name, write):
    terms = RANDOMIZATIONS[name]
    once = {(t.parameter, t.occasion): t for t in terms}
    kept = tuple(once.values())
    assert read_randomization(write(as_toml(kept, "two\nlines"))) == kept


@given(st.lists(st.tuples(*[st.floats(0.01, 100.0)] * 2), min_size=1, max_size=5))
def test_samples_survive_being_written(rows):
    samples = (Samples(("mass", "friction"), tuple(rows)),)
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "terms.toml"
        file.write_text(as_toml(samples))
        assert read_randomization(file) == samples
        data = {"samples": [{"names": ["mass", "friction"], "rows": rows}]}
        (Path(folder) / "terms.json").write_text(json.dumps(data))
        assert read_randomization(Path(folder) / "terms.json") == samples


def test_rows_are_drawn_whole_and_equally_often():
    draws = Draws((Samples(("mass", "friction"), ((0.5, 2.0), (2.0, 0.5), (1.0, 1.0))),))
    rng, seen = np.random.default_rng(0), []
    for _ in range(3000):
        draws.redraw("reset", rng)
        seen.append((draws.values["mass"], draws.values["friction"]))
    found, counts = np.unique(seen, axis=0, return_counts=True)
    assert found.tolist() == [[0.5, 2.0], [1.0, 1.0], [2.0, 0.5]]
    assert counts.min() > 900


def test_a_world_draws_what_a_file_says(write):
    file = write(TERM + SAMPLES)
    world = make_environment("driving", "hatchback", randomization=str(file), privileged=True)
    names = world.interface.observation_names
    which = [names.index(f"privileged/{name}") for name in ("friction", "mass", "motor_strength")]
    for episode in range(5):
        friction, mass, strength = world.reset(options={"episode": episode})[0][which]
        assert 0.5 <= friction <= 0.9
        assert mass == strength
        assert mass == pytest.approx(0.8) or mass == pytest.approx(1.2)
    world.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "draws nothing"),
        ("a = ", "truncated or not TOML"),
        ("terms = 1", "unknown key 'terms'; did you mean 'term'?"),
        ("term = 3", "expected [[term]] tables"),
        ("[term]", "expected [[term]] tables"),
        (TERM.replace("friction", "fiction"), "term[0]: .*did you mean 'friction'"),
        (TERM.replace("low", "lo"), "term[0]: .*did you mean 'low'"),
        (TERM.replace("low = 0.5\n", ""), "term[0]: missing key 'low'"),
        (TERM.replace("0.5", "nan"), "term[0]: low: expected a number"),
        (TERM.replace("0.5", '"0.5"'), "term[0]: low: expected a number"),
        (TERM.replace("0.5", "2.0"), "low must not exceed high"),
        (TERM + TERM, "term[1]: 'friction' is drawn at reset before"),
        (TERM + SAMPLES.replace("mass", "friction"), "samples[0]: 'friction' is drawn at reset"),
        (SAMPLES.replace("[1.2, 1.2]", "[1.2]"), "samples[0]: .*row 1 of samples has 1 values"),
        (SAMPLES.replace("[1.2, 1.2]", "1.2"), r"samples[0]: rows[1]: expected a list of numbers"),
        (SAMPLES.replace("1.2, 1.2", "inf, 1.2"), r"samples[0]: rows[1]: expected a number"),
        (SAMPLES.replace("1.2, 1.2", "-1, 1.2"), "row 1 of samples has -1, but it must stay"),
        (SAMPLES.replace('"mass"', '"motor_strength"'), "two columns"),
        (SAMPLES.replace('"mass"', '"push"'), "push: it cannot be drawn at reset"),
        ("[[samples]]\nnames = []\nrows = []", "need a parameter and a row"),
        ("[[samples]]\nnames = ['mass']\nrows = 'many'", "expected a list of lists"),
    ],
)
def test_a_wrong_file_is_refused_in_a_line_that_names_it(text, said, write):
    file = write(text)
    parts = said.split(".*")
    with pytest.raises(ValueError) as caught:
        find_randomization(str(file))
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert all(part in message for part in parts)
    assert "\n" not in message


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        find_randomization(str(tmp_path / "none.toml"))
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        find_randomization(str(tmp_path / "bytes.json"))
    with pytest.raises(ValueError, match="did you mean 'wide'"):
        find_randomization("wid")


def test_a_digest_tells_files_apart(write):
    one, two = write(TERM, "one.toml"), write(TERM.replace("0.5", "0.6"), "two.toml")
    same = write("# a comment\n" + TERM, "same.toml")
    digests = [digest(read_randomization(file)) for file in (one, two, same)]
    assert digests[0] == digests[2] != digests[1]


def test_no_sample_leaves_what_makes_sense():
    for name, parameter in PARAMETERS.items():
        if np.isfinite(parameter.high) and "reset" in parameter.occasions:
            with pytest.raises(ValueError, match="must stay within"):
                Samples((name,), ((parameter.high + 1.0,),))


@given(st.text(max_size=40))
@example("logs/\udcff\x01\x7f.parquet\u2028mass = 3")
def test_any_comment_can_be_read_again(tmp_path_factory, comment):
    file = tmp_path_factory.getbasetemp() / "commented.toml"
    terms = (Term("mass", "reset", "scale", 0.9, 1.1),)
    file.write_bytes(as_toml(terms, comment).encode("utf-8"))
    assert read_randomization(file) == terms


@pytest.mark.parametrize("make", [os.mkfifo, lambda file: file.symlink_to("/dev/urandom")])
def test_what_never_ends_is_not_read(make, tmp_path):
    make(tmp_path / "prior.toml")
    with pytest.raises(ValueError, match=r"prior\.toml: is not a regular file"):
        find_randomization(str(tmp_path / "prior.toml"))
