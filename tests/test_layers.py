"""Each layer imports only those above it, and no layer loads what could run code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("envs", "agents", "simtransfer", "experiments")
FILES = [file for layer in LAYERS for file in sorted((ROOT / layer).rglob("*.py"))]
LEARNING = {"torch", "stable_baselines3", "safetensors", "sb3_contrib"}
PHYSICS = {"pybullet", "mujoco"}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_up_only(file):
    layer = LAYERS.index(file.relative_to(ROOT).parts[0])
    tops = {name.split(".")[0] for name in imported(file)}
    assert not tops & set(LAYERS[layer + 1 :])
    if layer == 0:
        assert not tops & LEARNING
    else:
        assert not tops & PHYSICS


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_reads_a_pickle(file):
    text = file.read_text(encoding="utf-8")
    assert not {"pickle", "cloudpickle", "joblib", "dill"} & {
        n.split(".")[0] for n in imported(file)
    }
    assert "torch.load(" not in text
    assert "allow_pickle=True" not in text
