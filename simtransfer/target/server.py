"""The robot and its world, served at the pace of a clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from envs import make_environment
from envs.interface import unknown
from envs.parameters import BODY
from envs.randomization_file import find_randomization
from envs.robot import Robot
from simtransfer.target.actuation import Actuation
from simtransfer.target.clock import Clock
from simtransfer.target.description import FASTEST, MOST, Description, digest
from simtransfer.target.link import FAREWELL, Arrivals, Link
from simtransfer.target.network_faults import Faults
from simtransfer.target.orders import Orders
from simtransfer.target.pacing import AGAIN, Lockstep, Pace, RealTime
from simtransfer.target.record import BY_TASK, Played
from simtransfer.target.wire import AHEAD, Kind, Message, encode

TO_REST = 2.0  # robot's seconds from a stop to the end of the episode


@dataclass(frozen=True)
class TargetConfig:
    """A robot to be served.

    Attributes:
        robot: A robot's name or the path of a robot.toml.
        task: What it is there for.
        suite: Scenario suite.
        episodes: How many to play.
        seed: Which stretch of the suite's endless fixed list: episodes seed*episodes and following.
        randomization: A key of `envs.randomization.RANDOMIZATIONS`.
        speed: Robot's seconds a second of the wall clock.
        lockstep: Whether to wait for the command of each reading: no pace, and the same each time.
        faults: Of the network.
        network_seed: Of what the network loses and delays.
        host: Address to listen at.
        port: UDP port; 0 for any that is free.
        safe_after: Robot's seconds without a command after which it goes into its safe posture.
        leave_after: Seconds of the wall clock without a message after which a client has left.
    """

    robot: str = "hatchback"
    task: str = "driving"
    suite: str = "mixed"
    episodes: int = 10
    seed: int = 0
    randomization: str = "nominal"
    speed: float = 1.0
    lockstep: bool = False
    faults: Faults = field(default_factory=Faults)
    network_seed: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    safe_after: float = 0.5
    leave_after: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be served."""
        if not 1 <= self.episodes <= MOST:
            raise ValueError(f"episodes must be at least 1, at most {MOST}, got {self.episodes}")
        if min(self.seed, self.network_seed) < 0:
            raise ValueError("seed and network seed must not be negative")
        for name in ("speed", "safe_after", "leave_after"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name):g}")
        if self.speed > FASTEST:
            raise ValueError(f"speed must be at most {FASTEST:g}, got {self.speed:g}")
        if not self.host:  # which a socket would take for all of the machine's addresses
            raise ValueError("host must not be empty; give an address to listen at, as 127.0.0.1")
        if not 0 <= self.port < 65_536:
            raise ValueError(f"port must be from 0 to 65535, got {self.port}")
        if self.lockstep and self.faults.any:
            raise ValueError("in lockstep nothing is late: leave out loss, delay and jitter")


class TargetServer:
    """A robot in a world of MuJoCo's, driven over UDP.

    Args:
        config: What is served.

    Attributes:
        address: Host and port where it listens.

    Raises:
        ValueError: For an unknown name, with the nearest one, or an address that cannot be had.
    """

    def __init__(self, config: TargetConfig) -> None:
        self.config = config
        world = make_environment(
            config.task,
            config.robot,
            randomization=config.randomization,
            suite=config.suite,
            simulator="mujoco",
        )
        if config.suite not in world.task.suites:  # else episodes would be another suite's
            raise ValueError(unknown("suite", config.suite, world.task.suites))
        _refuse_bodies(world.robot, config.randomization)
        self._world, self._robot = world, world.robot  # before a draw moves masses in it
        self._first = config.seed * config.episodes
        self._dt = 1.0 / world.task.control_rate
        if not config.lockstep and self._dt / config.speed >= config.leave_after:
            raise ValueError(
                f"at speed {config.speed:g} a control step takes {self._dt / config.speed:g} s of "
                f"the wall clock, but a client has left after {config.leave_after:g} s; "
                "give a higher speed or a longer leave_after"
            )
        self._digest = digest(world.interface)
        self._actuation = Actuation(world.robot, world.task.control_rate)
        self._clock = Clock(1.0 if config.lockstep else config.speed)
        encode(self._introduction(0))  # refuse at once a robot that no datagram can describe
        self._link = Link(config.host, config.port, self._clock, config.faults, config.network_seed)
        self._counted = vars(self._link.arrivals).copy()  # by the end of the last episode
        self.address = self._link.address

    @property
    def arrivals(self) -> Arrivals:
        """What has come so far besides the messages of clients."""
        return self._link.arrivals

    def run(
        self,
        on_episode: Callable[[Played], None] | None = None,
        interrupted: Callable[[], str] = str,
    ) -> list[Played]:
        """Serve one client after the other until all episodes are played.

        Args:
            on_episode: Called as each ends.
            interrupted: Tells why it is to end now; empty while it is not to.

        Returns:
            The episodes that were played to an end.
        """
        played: list[Played] = []
        news: Message | None = None
        try:
            while len(played) < self.config.episodes and not interrupted():
                self._await_client(len(played), news, interrupted)
                if interrupted() or not (result := self._play(len(played), interrupted)):
                    break
                played.append(result)
                news = Message(Kind.RESULT, self._digest, 0.0, result.number, text=result.text())
                if on_episode:
                    on_episode(result)
                if result.ended != BY_TASK:
                    self._link.send(news)
                    self._link.release()
            if news and not interrupted():
                self._part(news)
            self._link.send(Message(Kind.BYE))
        finally:
            self._link.close()
            self._world.close()
        return played

    def _await_client(
        self, number: int, news: Message | None, interrupted: Callable[[], str]
    ) -> None:
        """Until a client is ready for an episode, tell it the result of the last one."""
        if news:
            self._link.send(news)
        while not interrupted():
            arrived = self._link.wait(self._clock.now() + AGAIN * self._clock.speed)
            if self._link.client and self._link.silence > self.config.leave_after:
                self._link.release()
            message = arrived[1] if arrived else None
            kind = message.kind if message else None
            if message and kind is Kind.READY and message.digest != self._digest:
                text = "the client was made for another interface than this robot's"
                self._link.send(Message(Kind.REFUSAL, self._digest, text=text))
                self._link.release()
            elif message and kind is Kind.READY and message.episode == number:
                return
            elif kind is Kind.HELLO:
                self._link.answer(self._introduction(number))
            elif kind in (Kind.BYE, Kind.STOP):
                self._link.release()
            elif news:  # silent, or not done with that episode: it has not heard of its end
                self._link.send(news)

    def _introduction(self, begun: int) -> Message:
        world, config = self._world, self.config
        actuators = self._robot.actuators
        told = Description(
            robot=self._robot.name,
            robot_digest=self._robot.digest,
            task=config.task,
            control_rate=world.task.control_rate,
            speed=self._clock.speed,
            lockstep=config.lockstep,
            episodes=config.episodes,
            begun=begun,
            observation=world.interface.observation_names,
            action=world.interface.action_names,
            unit=tuple("m/s" if a.kind == "wheel_speed" else "rad" for a in actuators),
            low=tuple(a.low for a in actuators),
            high=tuple(a.high for a in actuators),
            rate=tuple(a.rate if math.isfinite(a.rate) else 0.0 for a in actuators),
        )
        return Message(Kind.DESCRIPTION, self._digest, text=told.text())

    def _play(self, number: int, interrupted: Callable[[], str]) -> Played | None:
        """One episode; None if it was interrupted."""
        world, link = self._world, self._link
        lost, arrivals = link.lost, self._counted
        observation, _ = world.reset(options={"episode": self._first + number})
        pace = self._pace(interrupted)
        rest = self._actuation.vector(world.task.rest())
        ahead = 0 if self.config.lockstep else math.ceil(AHEAD / self._dt)
        orders = Orders(self._actuation, number, self._digest, rest, pace.begin(), ahead)
        left = math.inf
        for tick in count():
            time = tick * self._dt
            reading = Message(Kind.READING, self._digest, time, number, tick, observation)
            late = pace.step(reading, orders)
            if interrupted():
                return None
            if link.silence > self.config.leave_after:
                orders.ended = orders.ended or "the client left"
            if orders.ended:
                left = min(left, TO_REST) - self._dt
            observation, done, measures = self._step(orders, late)
            if done or left <= 0.0:
                break
        self._counted = vars(link.arrivals).copy()
        counts = {
            **orders.counts,
            "overruns": pace.overruns,
            "commands_lost": link.lost[0] - lost[0],
            "readings_lost": link.lost[1] - lost[1],
            **{name: now - arrivals[name] for name, now in self._counted.items()},
        }
        success = bool(measures.pop("is_success", False)) and not orders.ended
        return Played(
            number=number,
            success=success,
            ended=orders.ended or BY_TASK,
            seconds=round((tick + 1) * self._dt, 6),
            last=number + 1 == self.config.episodes,
            measures={} if orders.ended else measures,
            counts=counts,
        )

    def _pace(self, interrupted: Callable[[], str]) -> Pace:
        link, config = self._link, self.config
        if not config.lockstep:
            return RealTime(link, self._clock, self._dt, config.safe_after, interrupted)

        def abandoned() -> bool:
            return bool(interrupted()) or link.silence > config.leave_after

        return Lockstep(link, self._clock, self._dt, abandoned)

    def _step(
        self, orders: Orders, late: float
    ) -> tuple[NDArray[np.float32], bool, dict[str, float | bool]]:
        """A control step: the reading, whether the episode is over, and what the task tells."""
        world = self._world
        world.lateness, world.task.halted = late, orders.halted
        action = self._actuation.action(orders.targets)
        observation, _, terminated, truncated, info = world.step(action)
        plain = {k: v if isinstance(v, bool) else float(v) for k, v in info.items()}
        return observation, terminated or truncated, plain

    def _part(self, news: Message) -> None:
        """Tell the last result until the client says good-bye."""
        until = self._clock.now() + FAREWELL * self._clock.speed
        while self._link.client and self._clock.now() < until:
            self._link.send(news)
            arrived = self._link.wait(self._clock.now() + AGAIN * self._clock.speed)
            if arrived and arrived[1].kind is Kind.BYE:
                self._link.release()


def _refuse_bodies(robot: Robot, randomization: str) -> None:
    """See that the robot keeps the limits that a client is told of.

    Raises:
        ValueError: If proportions are drawn that it has.
    """
    drawn = {name for term in find_randomization(randomization) for name in term.names}
    for name in sorted(drawn & BODY.keys()):
        if robot.varied({name: 0.9}) != robot:
            raise ValueError(
                f"randomization {randomization!r} draws {name!r}, but what is served is "
                f"{robot.name!r} as its robot.toml has it; choose one that draws no bodies"
            )
