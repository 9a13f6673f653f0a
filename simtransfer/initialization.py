"""Copying a teacher's weights into a student, and saying what happened to each tensor."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.bundle import Bundle, Network
from agents.networks import Trunk
from agents.policy import NamedPolicy
from envs.interface import Feature
from simtransfer.alignment import ObservationMap, align_observations
from simtransfer.plan import TransferPlan
from simtransfer.view import TeacherView

RIDGE = 1e-4  # keeps weights small where the states say nothing


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


@dataclass(frozen=True)
class FittedHead:
    """A last layer that acts as a teacher would, fitted on what the teacher reads.

    Attributes:
        weights: From the trunk's output, and last the bias, to the student's actions,
            ``(width + 1, actions)``.
        explained: Share of the variance of each action that it explains, ``(actions,)``.
    """

    weights: Tensor
    explained: Tensor


def initialize(
    policy: NamedPolicy,
    teacher: Bundle,
    view: TeacherView,
    plan: TransferPlan,
    fit: Callable[[], FittedHead],
) -> dict[str, tuple[str, str]]:
    """Copy what ``plan`` says from ``teacher`` into the student's ``policy``, in place.

    The first layer is composed with the map between the robots' observations, so that the student's
    trunk computes what the teacher's would. The last layer is copied where both robots' actions
    mean the same, and else fitted, so that the student acts as the teacher would in the student's
    body.

    Args:
        policy: The student's.
        teacher: The teacher's bundle.
        view: How the two robots' words correspond.
        plan: What is copied.
        fit: Gives the fitted last layer, see `fit_head`; called only where one is needed.

    Returns:
        Status and detail by tensor name, for the tensors that were taken over.

    Raises:
        ValueError: If a network's widths or activation differ, so that nothing could be copied.
    """
    taken: dict[str, tuple[str, str]] = {}
    if plan.initialization == "none":
        return taken
    refuse_other_shape(
        Network(policy.hidden, policy.critic_hidden, policy.activation), teacher, plan
    )
    trunks = policy.mlp_extractor
    _copy_trunk(trunks.actor, teacher, "actor.trunk", view.observations, taken)
    if plan.initialization == "trunk":
        return taken
    _copy_head(policy, teacher, view, fit, taken)
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
    new_mean = np.where(known, (mean - aligned.offset) @ share, own_mean)
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
        f"{counts['extended']} extended, {counts['filled']} filled with the teacher's mean"
    )
    if unused:
        detail += f"; new, weight zero: {', '.join(unused)}"
    return ("copied" if exact else "aligned"), detail


def _copy_head(
    policy: NamedPolicy,
    teacher: Bundle,
    view: TeacherView,
    fit: Callable[[], FittedHead],
    taken: dict[str, tuple[str, str]],
) -> None:
    head = view.actor.head
    weight, bias = head.weight.detach(), head.bias.detach()
    entry = ("copied", "")
    if not view.actions.is_identity:
        fitted = fit()
        weight, bias = fitted.weights[:-1].T, fitted.weights[-1]
        names = [feature.name for feature in policy.interface.action]
        shares = zip(names, fitted.explained.tolist(), strict=True)
        listed = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares)
        entry = ("aligned", f"fitted to the teacher's commands; variance explained: {listed}")
    with torch.no_grad():
        policy.action_net.weight.copy_(weight)
        policy.action_net.bias.copy_(bias)
    taken["actor.head.weight"] = taken["actor.head.bias"] = entry


def fit_head(teacher: Bundle, view: TeacherView, states: NDArray[np.float32]) -> FittedHead:
    """Ridge regression from the trunk's output to the student's actions.

    The map between two robots' actions bends with speed and stops at limits, so that no matrix on
    the teacher's actions equals it; the trunk's output knows the speed as well.

    Args:
        teacher: The teacher's bundle.
        view: How the two robots' words correspond.
        states: What the teacher reads in its own world, ``(n, features)``.
    """
    actor = view.actor
    with torch.no_grad():
        latent = actor.trunk(torch.as_tensor(states)).double()
    names = [feature.name for feature in teacher.reads]
    columns = [names.index(name) for name in view.actions.teacher.command_readings]
    wanted = torch.as_tensor(view.actions(actor.act(states), states[:, columns])).double()
    design = torch.cat([latent, torch.ones(len(latent), 1, dtype=torch.float64)], dim=1)
    penalty = RIDGE * len(design) * torch.eye(design.shape[1], dtype=torch.float64)
    penalty[-1, -1] = 0.0
    solution = torch.linalg.solve(design.T @ design + penalty, design.T @ wanted)
    residual = (wanted - design @ solution).var(dim=0)
    explained = 1.0 - residual / wanted.var(dim=0).clamp_min(1e-12)
    return FittedHead(solution, explained)


def refuse_other_shape(network: Network, teacher: Bundle, plan: TransferPlan) -> None:
    """Refuse to copy weights between networks that differ.

    Raises:
        ValueError: If ``plan`` copies and the student's hidden layers are not the teacher's, or the
            teacher's last layer works otherwise.
    """
    if plan.initialization == "none" or plan.trainable == "none":
        return
    mine = (network.hidden, network.activation)
    theirs = (teacher.network.hidden, teacher.network.activation)
    if mine != theirs:
        raise ValueError(
            f"the student's network {mine} differs from the teacher's {theirs}; "
            "copy nothing (distill, dagger, kickstart) or give both the same"
        )
    if plan.initialization == "all" and teacher.network.squash:
        raise ValueError(
            "the teacher (sac) bends its last layer's output by tanh, the student's does not; "
            "copy the trunk alone (frozen) or nothing (distill, dagger, kickstart)"
        )


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
