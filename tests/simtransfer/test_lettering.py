import io

import pytest
from matplotlib.figure import Figure

from simtransfer.lettering import literal


def picture(title):
    figure = Figure()
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_yticks([0.0], [title])
    axes.plot([0.0, 1.0], label=title)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


@pytest.mark.parametrize("name", ["costs $5 or $10", r"$\frac{$", "$a_b$"])
def test_a_name_with_dollars_is_no_formula(name):
    try:
        parsed = picture(name)
    except ValueError:
        parsed = b""
    drawn = literal(picture)(name)
    assert drawn.startswith(b"\x89PNG")
    assert drawn != parsed


def test_what_is_drawn_otherwise_is_as_before():
    before = picture("$a_b$")
    literal(picture)("$a_b$")
    assert picture("$a_b$") == before
