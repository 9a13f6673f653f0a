import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.networks import CLIP, Normalizer, Trunk
from envs.interface import Feature, Interface

FEATURES = (
    Feature("a", "m", 0.0, 10.0),
    Feature("hidden", "m", -1.0, 1.0, "privileged"),
    Feature("b", "rad", -1.0, 1.0),
)
INTERFACE = Interface(FEATURES, (Feature("go", "1", -1.0, 1.0, "action"),))
READ = INTERFACE.group("deployable")


def test_reads_by_name_and_ignores_the_rest():
    normalizer = Normalizer(INTERFACE, READ)
    one = normalizer(torch.tensor([[5.0, 0.3, 0.5]]))
    other = normalizer(torch.tensor([[5.0, -0.9, 0.5]]))
    assert torch.equal(one, other)
    assert one.shape == (1, 2)


def test_starts_from_the_declared_ranges():
    out = Normalizer(INTERFACE, READ)(torch.tensor([[5.0, 0.0, 0.5]]))
    assert out.tolist()[0] == pytest.approx([0.0, 1.0])


@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.floats(-50, 50),
    st.floats(0.1, 20),
)
def test_batches_merge_as_if_they_had_come_together(first, second, center, spread):
    rng = np.random.default_rng(first + 1000 * second)
    data = torch.as_tensor(rng.normal(center, spread, (first + second, 3)), dtype=torch.float32)
    whole, parts = Normalizer(INTERFACE, READ), Normalizer(INTERFACE, READ)
    whole.adapt(data)
    parts.adapt(data[:first])
    parts.adapt(data[first:])
    torch.testing.assert_close(whole.mean, parts.mean, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(whole.variance, parts.variance, rtol=2e-3, atol=1e-3)


def test_much_data_outweighs_the_assumed_range():
    normalizer = Normalizer(INTERFACE, READ)
    data = torch.randn(20_000, 3) * 3.0 + 7.0
    normalizer.adapt(data)
    assert normalizer.mean.tolist() == pytest.approx([7.0, 7.0], abs=0.1)
    assert normalizer.variance.sqrt().tolist() == pytest.approx([3.0, 3.0], rel=0.03)


def test_a_constant_reading_does_not_blow_up():
    normalizer = Normalizer(INTERFACE, READ)
    normalizer.adapt(torch.full((100_000, 3), 5.0))
    out = normalizer(torch.tensor([[5.001, 0.0, 5.0]]))
    assert torch.isfinite(out).all()
    assert out.abs().max() < 1.0


def test_stands_still_when_told():
    normalizer = Normalizer(INTERFACE, READ)
    normalizer.adapting = False
    before = normalizer.mean.clone()
    normalizer.adapt(torch.randn(100, 3) + 9.0)
    assert torch.equal(before, normalizer.mean)


def test_trunk_output_has_the_last_width():
    trunk = Trunk(INTERFACE, READ, (8, 5), "tanh")
    assert trunk(torch.zeros(3, 3)).shape == (3, 5)
    assert [layer.out_features for layer in trunk.linear] == [8, 5]


def test_what_was_always_the_same_does_not_become_enormous_when_it_changes():
    """Unless its feature says otherwise, it does: a constant's spread is next to nothing."""
    rare = Feature("rare", "1", 0.0, 1.0, floor=2.0)
    interface = Interface((rare, Feature("usual", "1", 0.0, 1.0)), ())
    normalizer = Normalizer(interface, interface.observation)
    normalizer.adapt(torch.zeros(1000, 2))
    of_rare, of_usual = normalizer(torch.ones(1, 2)).tolist()[0]
    assert 1.5 < of_rare <= 2.0
    assert of_usual == CLIP
