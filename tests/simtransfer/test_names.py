import pytest

from simtransfer.experiment import ExperimentConfig
from simtransfer.names import printable, require_name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "expected a name"),
        ("..", "expected a name"),
        ("a/b", "must not contain '/', got 'a/b'; try 'a-b'"),
        ("../up", "try 'up'"),
        ("a\nb", r"'a\\nb'"),
        ("a\0b", r"'a\\x00b'"),
        ("\x1b[31mred", r"'\\x1b\[31mred'"),
        ("\udcff", r"'\\udcff'"),
        ("ü" * 128, "has 256 bytes, the limit is 255"),
    ],
)
def test_a_name_that_cannot_be_a_folders_is_refused_before_the_work(name, said):
    with pytest.raises(ValueError, match=f"name: .*{said}") as error:
        ExperimentConfig(name=name)
    assert printable(str(error.value)) == str(error.value)


@pytest.mark.parametrize("name", ["[red]x", "<b>", "Ø 5 %", "ü" * 127, "a..b", "-x"])
def test_unusual_names_are_fine(name):
    require_name(name, "name")
