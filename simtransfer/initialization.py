"""Copying a teacher's weights into a student, and saying what happened to each tensor."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.bundle import Bundle
from agents.networks import Trunk
from agents.policy import NamedPolicy
from envs.interface import Feature
from simtransfer.alignment import ObservationMap, align_observations
from simtransfer.plan import TransferPlan
from simtransfer.view import TeacherView


@dataclass(frozen=True)
class TensorReport:
    """What happened to one of the student's tensors.

    Attributes:
        tensor: Its name.
        status: ``copied``, ``aligned`` or ``new``; with ``, frozen`` if it does not learn.
        shape: Its shape.
        detail: Which names were aligned and how.
    """

    tensor: str
    status: str
    shape: tuple[int, ...]
    detail: str = ""


def initialize(
    policy: NamedPolicy, teacher: Bundle, view: TeacherView, plan: TransferPlan
) -> dict[str, tuple[str, str]]:
    """Copy what ``plan`` says from ``teacher`` into the student's ``policy``, in place.

    Layers are copied where their shapes agree. The first layer and the last are composed with the
    maps between the robots' observations and actions, so that a copied student acts as the teacher
    would (exactly, where the map of actions is affine).

    Returns:
        Status and detail by tensor name, for the tensors that were taken over.

    Raises:
        ValueError: If a network's widths or activation differ, so that nothing could be copied.
    """
    taken: dict[str, tuple[str, str]] = {}
    if plan.initialization == "none":
        return taken
    trunks = policy.mlp_extractor
    mine = (tuple(layer.out_features for layer in trunks.actor.linear), policy.activation)
    theirs = (teacher.network.hidden, teacher.network.activation)
    if mine != theirs:
        raise ValueError(
            f"the student's network {mine} differs from the teacher's {theirs}; "
            "copy nothing (distill, dagger, kickstart) or give both the same"
        )
    if plan.initialization == "all" and teacher.network.squash:
        raise ValueError(
            "the teacher (sac) bends its last layer's output by tanh, which the student's does not; "
            "copy the trunk alone (frozen) or nothing (distill, dagger, kickstart)"
        )
    _copy_trunk(trunks.actor, teacher, "actor.trunk", view.observations, taken)
    if plan.initialization == "trunk":
        return taken
    _copy_head(policy, teacher, view, taken)
    same_critic = (
        tuple(x.out_features for x in trunks.critic.linear) == teacher.network.critic_hidden
    )
    if teacher.judges and same_critic:
        mean = teacher.tensors["critic.trunk.normalizer.mean"].tolist()
        aligned = align_observations(teacher.judges, trunks.critic.features, mean)
        _copy_trunk(trunks.critic, teacher, "critic.trunk", aligned, taken)
        with torch.no_grad():
            policy.value_net.weight.copy_(teacher.tensors["critic.head.weight"])
            policy.value_net.bias.copy_(teacher.tensors["critic.head.bias"])
        taken["critic.head.weight"] = taken["critic.head.bias"] = ("copied", "")
    return taken


def _copy_trunk(
    trunk: Trunk,
    teacher: Bundle,
    prefix: str,
    aligned: ObservationMap,
    taken: dict[str, tuple[str, str]],
) -> None:
    """Compose the teacher's normalizer and first layer with ``aligned``; copy the rest."""

    def tensor(name: str) -> NDArray[np.float64]:
        array: NDArray[np.float64] = teacher.tensors[f"{prefix}.{name}"].double().numpy()
        return array

    normalizer = trunk.normalizer
    mean, deviation = tensor("normalizer.mean"), np.sqrt(tensor("normalizer.variance"))
    # Statistics: those of the teacher where the name is the same or lies between two, else the
    # feature's own range.
    share = aligned.matrix / np.maximum(aligned.matrix.sum(axis=0), 1e-9)
    known = aligned.matrix.sum(axis=0) > 0
    own_mean = normalizer.mean.double().numpy()
    own_deviation = normalizer.variance.double().sqrt().numpy()
    new_mean = np.where(known, mean @ share, own_mean)
    new_deviation = np.where(known, deviation @ share, own_deviation)
    weight, bias = tensor("layers.0.weight"), tensor("layers.0.bias")
    scaled = weight / deviation
    with torch.no_grad():
        normalizer.mean.copy_(torch.as_tensor(new_mean))
        normalizer.variance.copy_(torch.as_tensor(new_deviation**2))
        first = trunk.linear[0]
        first.weight.copy_(torch.as_tensor(scaled @ aligned.matrix * new_deviation))
        shift = scaled @ (aligned.matrix @ new_mean + aligned.offset - mean)
        first.bias.copy_(torch.as_tensor(bias + shift))
        for layer, index in zip(trunk.linear[1:], range(2, 99, 2), strict=False):
            layer.weight.copy_(teacher.tensors[f"{prefix}.layers.{index}.weight"])
            layer.bias.copy_(teacher.tensors[f"{prefix}.layers.{index}.bias"])
            taken[f"{prefix}.layers.{index}.weight"] = ("copied", "")
            taken[f"{prefix}.layers.{index}.bias"] = ("copied", "")
    # The copied layers rely on these statistics: they must not drift under them.
    normalizer.adapting = False
    status, detail = _describe(aligned, trunk.features)
    for name in ("normalizer.mean", "normalizer.variance", "layers.0.weight", "layers.0.bias"):
        taken[f"{prefix}.{name}"] = (status, detail)


def _describe(aligned: ObservationMap, student: Sequence[Feature]) -> tuple[str, str]:
    counts = aligned.counts()
    used = set(np.flatnonzero(aligned.matrix.any(axis=0)).tolist())
    unused = [feature.name for i, feature in enumerate(student) if i not in used]
    exact = counts["same"] == len(aligned.sources) and not unused
    detail = (
        f"{counts['same']} by name, {counts['interpolated']} interpolated, "
        f"{counts['filled']} filled with the teacher's mean"
    )
    if unused:
        detail += f"; new, weight zero: {', '.join(unused)}"
    return ("copied" if exact else "aligned"), detail


def _copy_head(
    policy: NamedPolicy, teacher: Bundle, view: TeacherView, taken: dict[str, tuple[str, str]]
) -> None:
    seen = teacher.provenance.get("actions", {})
    count = len(teacher.acts)
    mean = np.asarray(seen.get("mean", [0.0] * count))
    deviation = np.asarray(seen.get("std", [0.5] * count))
    speed = float(seen.get("speed", 1.0))
    matrix, offset, explained = view.actions.affine(mean, deviation, speed)
    weight = teacher.tensors["actor.head.weight"].double().numpy()
    bias = teacher.tensors["actor.head.bias"].double().numpy()
    with torch.no_grad():
        policy.action_net.weight.copy_(torch.as_tensor(matrix @ weight))
        policy.action_net.bias.copy_(torch.as_tensor(matrix @ bias + offset))
    same = np.allclose(matrix, np.eye(*matrix.shape)) and np.allclose(offset, 0.0)
    names = [feature.name for feature in policy.interface.action]
    fit = ", ".join(f"{n} {100 * e:.1f} %" for n, e in zip(names, explained, strict=True))
    entry = ("copied", "") if same else ("aligned", f"through the command map; explained: {fit}")
    taken["actor.head.weight"] = taken["actor.head.bias"] = entry


def freeze(policy: NamedPolicy, trainable: str) -> set[str]:
    """Stop what ``trainable`` leaves out from learning; returns the frozen tensors' names."""
    frozen: dict[str, Tensor] = {}
    if trainable in ("head", "none"):
        frozen |= {f"actor.trunk.{k}": v for k, v in policy.mlp_extractor.actor.named_parameters()}
        policy.mlp_extractor.actor.normalizer.adapting = False
    if trainable == "none":
        frozen |= {f"actor.head.{k}": v for k, v in policy.action_net.named_parameters()}
    for parameter in frozen.values():
        parameter.requires_grad_(False)
    return set(frozen)


def report(
    tensors: Mapping[str, Tensor], taken: Mapping[str, tuple[str, str]], frozen: Collection[str]
) -> tuple[TensorReport, ...]:
    """A row for every one of the student's ``tensors``."""
    rows = []
    for name, tensor in tensors.items():
        if name.endswith("count"):
            continue
        status, detail = taken.get(name, ("new", ""))
        if name in frozen:
            status += ", frozen"
        rows.append(TensorReport(name, status, tuple(tensor.shape), detail))
    return tuple(rows)
