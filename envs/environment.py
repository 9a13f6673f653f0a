"""The Gymnasium environment: a robot, a task, a simulator and what is randomized."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.arrivals import Commands, Readings
from envs.draws import Probe, Stream
from envs.interface import Interface, bounds, unknown
from envs.mirror import Mirror
from envs.parameters import BODY, CENTER, PARAMETERS
from envs.randomization import Randomization
from envs.robot import Robot, Targets
from envs.sensor_errors import SensorErrors
from envs.simulator import Simulator
from envs.tables import LARGEST, shown
from envs.task import Outcome, Task

# First word of every seed sequence: episodes for evaluation can never be drawn in training.
TRAINING, EVALUATION = 1, 2
LATE = ("observation_delay", "observation_loss")
OPTIONS = ("episode", "suite")  # of reset
FARTHEST = 1e6  # m from the origin, which no robot reaches in an episode
# Why no step can be taken.
NOT_BEGUN = "no episode has begun: call reset() before step() or render()"
ENDED = "the episode has ended: call reset() before step()"
CLOSED = "the environment is closed: make a new one"


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
        self._training, self._evaluation = Stream(randomization), Stream(randomization)
        self._stream = self._training
        self._draws = self._stream.draws
        self._drawn = [name for name in PARAMETERS if name in self._draws.names]
        self._idle = NOT_BEGUN  # why no step can be taken; empty during an episode
        self._broken = False
        self._commands = Commands(round(task.physics_rate / task.control_rate))
        self._readings = Readings(np.asarray([bool(f.sensor) for f in features]))
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

        Evaluation episodes have a generator each and no part in training: after some of them,
        training episodes continue where they were, in the robot that was drawn for them. Their
        world is loaded again then, so that PyBullet's memory of past contacts, which no reset
        clears, is of neither.

        Args:
            seed: Starts a new stream of training episodes; with an ``"episode"``, the next reset
                without one begins it.
            options: ``{"episode": k}`` plays episode ``k`` of the suite's fixed evaluation list;
                with ``"suite"``, of that suite's, which without it is the world's own or, if that
                is only trained on, the one that learning curves are measured on.

        Raises:
            ValueError: If an option or a suite is unknown, or the episode is no whole number from 0
                to 2**63 - 1.
            RuntimeError: If the environment is closed.
        """
        if self._idle == CLOSED:
            raise RuntimeError(CLOSED)
        suite, episode = self._choose(options or {})
        super().reset(seed=seed)
        if seed is not None or self._training.rng is None:
            self._training.seed([TRAINING, self.np_random_seed if seed is None else seed])
        before, self._stream = self._stream, self._training
        if episode is not None:
            self._stream = self._evaluation
            self._stream.seed([EVALUATION, self.task.suites.index(suite), episode])
        assert self._stream.rng
        self._idle = NOT_BEGUN
        self._draws, self._rng = self._stream.draws, self._stream.rng
        if self._stream.load() or self._stream is not before or self._broken:
            self._load(self._draws.loaded)
        self._draws.redraw("reset", self._rng)
        self._apply({name: self._draws.values[name] for name in self._drawn})
        self._misread()
        self._errors.begin(self._draws.values, self._rng)
        self.task.begin(self.simulator, suite, self._rng, self._draws.values)
        self._commands.begin(self.task.rest())
        self._readings.begin()
        self._seen = self._observe()
        self._idle = ""
        return self._seen.copy(), {}

    def _choose(self, options: Mapping[str, Any]) -> tuple[str, int | None]:
        """The suite and, of an evaluation episode, the number that options of a reset ask for."""
        for option in options:
            if option not in OPTIONS:
                raise ValueError(unknown("reset option", str(option), OPTIONS))
        listed = "episode" in options
        # What only training draws has no list: the curve's suite has.
        usual = self.task.curve_suite if listed and not self._has_list(self.suite) else self.suite
        suite = str(options.get("suite", usual))
        if not self._has_list(suite) and (listed or suite != self.task.training_suite):
            raise ValueError(unknown("suite", suite, self.task.suites))
        return suite, _number(options["episode"]) if listed else None

    def randomize(
        self, terms: Randomization, probes: Sequence[Probe] = (), probability: float = 0.0
    ) -> None:
        """Draw from other ranges of the same parameters, from the next episode on.

        What is drawn at ``load`` stays as it is until a world begins a seed.

        Args:
            terms: The terms of this world, over other ranges.
            probes: Ends of ranges that a training episode may be held at; one that is says so at
                its end, as ``probe``.
            probability: Probability that a training episode is one of them.

        Raises:
            ValueError: If the terms are of other parameters.
        """
        names = {name for term in terms for name in term.names}
        if odd := names ^ self._draws.names:
            raise ValueError(f"randomize: {min(odd)!r} is not drawn both before and from now on")
        self._training.draws.use(terms, probes, probability)
        self._evaluation.draws.use(terms)

    def _load(self, drawn: Mapping[str, float]) -> None:
        """Begin with a world that remembers nothing, in the body that was drawn."""
        told = {name: value for name, value in drawn.items() if name in BODY | CENTER}
        robot = self._plain.varied(told)
        if robot == self.robot and not self._broken:
            self.simulator.renew()
            return
        if robot != self.robot:
            self.robot, self.task = robot, self.task.on(robot)
        self._build(robot, self.task)
        self._broken = False

    def _build(self, robot: Robot, task: Task) -> None:
        rate, iterations = task.physics_rate, task.solver_iterations
        self.simulator.load(robot, task.shapes, rate, self._plot, iterations)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Advance one control step.

        Where the physics diverges the episode ends as a failure, with the last observation that
        could be made; the next reset loads the world again.

        Args:
            action: Clipped to [-1, 1]; see ``interface.action``.

        Returns:
            Observation, reward, whether the episode terminated, whether it was truncated and, at
            its end, the task's metrics and ``diverged``: whether the physics did.

        Raises:
            RuntimeError: If no episode is running, or the environment is closed.
            ValueError: If the action has another shape or is not finite.
        """
        simulator, values = self.simulator, self._draws.values
        if self._idle:
            raise RuntimeError(self._idle)
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
        outcome = self._judge()
        info: dict[str, Any] = dict(outcome.info)
        if outcome.terminated or outcome.truncated:
            self._idle = ENDED
            info["diverged"] = self._broken
            if self._draws.probe:
                info["probe"] = self._draws.probe
        return self._seen.copy(), outcome.reward, outcome.terminated, outcome.truncated, info

    def _judge(self) -> Outcome:
        """Observation and outcome of the last step; a failure if the physics diverged."""
        simulator = self.simulator
        # The comparison is false for a distance that is NaN.
        if not simulator.diverged() and math.hypot(*simulator.state().position) < FARTHEST:
            outcome, seen = self.task.outcome(simulator), self._observe()
            if math.isfinite(outcome.reward) and np.isfinite(seen).all():
                self._seen = seen
                return outcome
        self._broken = True
        return self.task.fail()

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
        """A picture of the world from above, ``(height, width, 3)``; None without a render mode.

        Raises:
            RuntimeError: If no episode has begun, or the environment is closed.
        """
        if not self.render_mode:
            return None
        if self._idle in (NOT_BEGUN, CLOSED):
            raise RuntimeError(self._idle)
        return self.task.picture()

    def close(self) -> None:
        """Free the world; nothing but this can be called afterwards."""
        self._idle = CLOSED
        self.simulator.close()


def _number(episode: Any) -> int:
    """The number of an evaluation episode.

    Raises:
        ValueError: If it is not a whole number, or one that no list has.
    """
    try:
        number = -1 if isinstance(episode, bool | np.bool_) else operator.index(episode)
    except TypeError:
        number = -1
    if not 0 <= number < LARGEST:
        raise ValueError(
            f"reset option 'episode': expected a whole number from 0 to 2**63 - 1, "
            f"got {shown(episode)}"
        )
    return number
