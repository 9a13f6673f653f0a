"""The Gymnasium environment: a robot, a task, a simulator and what is randomized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.arrivals import Commands, Readings
from envs.draws import Draws, Probe
from envs.interface import Interface, bounds, unknown
from envs.mirror import Mirror
from envs.parameters import BODY, CENTER, PARAMETERS
from envs.randomization import Randomization
from envs.robot import Robot, Targets
from envs.sensor_errors import SensorErrors
from envs.simulator import Simulator
from envs.task import Task

# First word of every seed sequence: episodes for evaluation can never be drawn in training.
TRAINING, EVALUATION = 1, 2
LATE = ("observation_delay", "observation_loss")
OPTIONS = ("episode", "suite")  # of reset


class Environment(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One world.

    Args:
        robot: Who acts.
        task: What is to be done; made for ``robot``.
        simulator: A fresh simulator.
        randomization: Terms; see `envs.randomization`.
        suite: Which scenarios are drawn. Default: the task's training suite.
        privileged: Whether observations include the privileged group.
        render_mode: ``rgb_array`` or None.

    Attributes:
        interface: What every observation and action entry is.
        mirror: How its vectors look with left and right swapped; None if that changes the task.
        simulator: The physics underneath.
        lateness: Control steps by which an action comes later than was drawn, as over a network.

    Raises:
        ValueError: If the suite is unknown, or the robot's files are wrong.
    """

    def __init__(
        self,
        robot: Robot,
        task: Task,
        simulator: Simulator,
        *,
        randomization: Randomization = (),
        suite: str | None = None,
        privileged: bool = False,
        render_mode: str | None = None,
    ) -> None:
        self._plain = self.robot = robot
        self.task = task
        self.suite = task.training_suite if suite is None else suite
        if self.suite not in (*task.suites, task.training_suite):
            raise ValueError(unknown("suite", self.suite, task.suites))
        if render_mode not in (None, "rgb_array"):
            raise ValueError(unknown("render mode", str(render_mode), ["rgb_array"]))
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": int(task.control_rate)}
        groups = ("deployable", "privileged") if privileged else ("deployable",)
        features = tuple(f for f in task.features if f.group in groups)
        self.interface = Interface(features, tuple(a.action for a in robot.actuators))
        self.mirror = Mirror.of(self.interface, task.mirror) if task.mirror else None
        self._low, self._high = bounds(features)
        self.observation_space = gymnasium.spaces.Box(self._low, self._high, dtype=np.float32)
        self._shape = (len(robot.actuators),)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, self._shape, dtype=np.float32)
        self._all = np.zeros(len(task.features), dtype=np.float32)
        self._draws = Draws(randomization)
        self._drawn = [name for name in PARAMETERS if name in self._draws.names]
        self._loaded = False
        self._commands = Commands(round(task.physics_rate / task.control_rate))
        self._readings = Readings(sum(f.group == "deployable" for f in features))
        self._errors = SensorErrors(task.features, self._draws.names)
        self._late = not self._draws.names.isdisjoint(LATE)
        self.lateness = 0.0
        self.simulator = simulator
        self._plot = task.plot if "roughness" in self._draws.names else None
        self._build(robot, task)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Starts a new stream of training episodes.
            options: ``{"episode": k}`` plays episode ``k`` of the suite's fixed evaluation list;
                with ``"suite"``, of that suite's, which without it is the world's own or, if that
                is only trained on, the one that learning curves are measured on.
        """
        super().reset(seed=seed)
        for option in options or {}:
            if option not in OPTIONS:
                raise ValueError(unknown("reset option", option, OPTIONS))
        listed = "episode" in (options or {})
        # What only training draws has no list: the curve's suite has.
        usual = self.task.curve_suite if listed and not self._has_list(self.suite) else self.suite
        suite = str((options or {}).get("suite", usual))
        if not self._has_list(suite) and (listed or suite != self.task.training_suite):
            raise ValueError(unknown("suite", suite, self.task.suites))
        if options and listed:
            words = [EVALUATION, self.task.suites.index(suite), int(options["episode"])]
            self._rng = np.random.default_rng(words)
            self._loaded = False
        elif seed is not None or not hasattr(self, "_rng"):
            word = self.np_random_seed if seed is None else seed
            self._rng = np.random.default_rng([TRAINING, word])
            self._loaded = False
        if not self._loaded:
            self._load(self._draws.redraw("load", self._rng))
            self._loaded = True
        self._draws.redraw("reset", self._rng)
        self._apply({name: self._draws.values[name] for name in self._drawn})
        self._misread()
        self._errors.begin(self._draws.values, self._rng)
        self.task.begin(self.simulator, suite, self._rng, self._draws.values)
        self._commands.begin(self.task.rest())
        self._readings.begin()
        return self._observe(), {}

    def randomize(
        self, terms: Randomization, probes: Sequence[Probe] = (), probability: float = 0.0
    ) -> None:
        """Draw from other ranges of the same parameters, from the next episode on.

        What is drawn at ``load`` stays as it is until a world begins a seed.

        Args:
            terms: The terms of this world, over other ranges.
            probes: Ends of ranges that an episode may be held at; one that is says so at its end,
                as ``probe``.
            probability: That an episode is.

        Raises:
            ValueError: If the terms are of other parameters.
        """
        names = {name for term in terms for name in term.names}
        if odd := names ^ self._draws.names:
            raise ValueError(f"randomize: {min(odd)!r} is not drawn both before and from now on")
        self._draws.use(terms, probes, probability)

    def _load(self, drawn: Mapping[str, float]) -> None:
        """Begin with a world that remembers nothing, in the body that was drawn."""
        told = {name: value for name, value in drawn.items() if name in BODY | CENTER}
        robot = self._plain.varied(told)
        if robot == self.robot:
            self.simulator.renew()
            return
        self.robot, self.task = robot, self.task.on(robot)
        self._build(robot, self.task)

    def _build(self, robot: Robot, task: Task) -> None:
        rate, iterations = task.physics_rate, task.solver_iterations
        self.simulator.load(robot, task.shapes, rate, self._plot, iterations)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance one control step. ``action`` is clipped to [-1, 1]; see ``interface.action``."""
        simulator, values = self.simulator, self._draws.values
        if not self._commands.begun:
            raise RuntimeError("no episode has begun: call reset() before step()")
        if np.shape(action) != self._shape or not np.isfinite(action).all():
            raise ValueError(f"an action is {self._shape} finite numbers, got {action}")
        # Twice as fast as `np.clip`, here and below.
        action = np.minimum(np.maximum(action, -1.0), 1.0)
        if (noise := values["action_noise"]) > 0.0:
            added = self._rng.normal(0.0, noise, self._shape).astype(np.float32)
            action = np.minimum(np.maximum(action + added, -1.0), 1.0)
        targets = self.task.act(simulator, action)
        if drawn := self._draws.redraw("interval", self._rng, 1.0 / self.task.control_rate):
            self._apply(drawn)
            if "push" in drawn:
                simulator.push(drawn["push"])
        delay = values["action_delay"] + self.lateness
        for arrived, substeps in self._commands.send(targets, delay):
            self._drive(arrived)
            simulator.advance(substeps)
        outcome = self.task.outcome(simulator)
        ended = outcome.terminated, outcome.truncated
        info: dict[str, Any] = dict(outcome.info)
        if self._draws.probe and any(ended):
            info["probe"] = self._draws.probe
        return self._observe(), outcome.reward, *ended, info

    def _has_list(self, suite: str) -> bool:
        """Whether a suite has a fixed list of evaluation episodes."""
        return suite in self.task.suites

    def _apply(self, values: Mapping[str, float]) -> None:
        """Change the physics; what is not physics is read where it is used."""
        for parameter, value in values.items():
            if PARAMETERS[parameter].physical:
                self.simulator.vary(parameter, value)

    def _drive(self, targets: Targets) -> None:
        values = self._draws.values
        if offset := values["steering_offset"]:
            targets = dict(targets)
            for actuator in self.robot.actuators:
                if actuator.kind == "position":
                    targets[actuator.role] += offset
        self.simulator.drive(targets, values["motor_strength"], self.task.forward)

    def _observe(self) -> NDArray[np.float32]:
        values = self._draws.values
        self.task.observe(self.simulator, values, self._rng, self._all)
        if self._errors.any:
            self._errors.add(self._all, values, self._rng)
        # Deployable features come first, so that leaving out privileged ones is a slice.
        seen = np.minimum(np.maximum(self._all[: len(self._low)], self._low), self._high)
        if not self._late:
            return seen
        delay, loss = (values[name] for name in LATE)
        return self._readings.arrive(seen, delay, loss, self._rng)

    def _misread(self) -> None:
        """Draw the error of each joint's zero, where there are any."""
        if "encoder_offset" in self._draws.names:
            most = self._draws.values["encoder_offset"]
            errors = self._rng.uniform(-most, most, self._shape)
            turned = [actuator.kind != "wheel_speed" for actuator in self.robot.actuators]
            self.simulator.misread(errors * turned)

    def render(self) -> NDArray[np.uint8] | None:
        """A picture of the world from above, ``(height, width, 3)``."""
        return self.task.picture() if self.render_mode else None

    def close(self) -> None:
        """Free the world."""
        self.simulator.close()
