"""What a client has told the robot in one episode, and what the robot makes of it."""

from __future__ import annotations

import numpy as np

from simtransfer.target.actuation import Actuation, Targets
from simtransfer.target.wire import Kind, Message, printable

REASON = 200  # characters of a stop's reason that are kept: a result must fit into a datagram


class Orders:
    """Commands as they come, and what is to be done in each control step.

    Args:
        actuation: Of the robot.
        episode: Its number; what is meant for another is not heard.
        digest: Of the robot's interface; nor is what was made for another.
        rest: The targets that the episode begins with, rad or m/s.
        now: When it begins, in robot's seconds.
        ahead: Control steps that a command may be ahead of the newest reading. One that is farther
            ahead would make every later command an outdated one.

    Attributes:
        sequence: Of the newest command.
        ended: Why the episode is to be cut short; empty while it is not.
        halted: Whether the robot is in its safe posture, or on its way there.
        targets: The last ones that were done.
        counts: Commands and control steps by what happened to them.
    """

    def __init__(
        self,
        actuation: Actuation,
        episode: int,
        digest: int,
        rest: Targets,
        now: float,
        ahead: int,
    ) -> None:
        self._actuation, self._episode, self._digest = actuation, episode, digest
        self._ahead = ahead
        self._new: tuple[float, Message] | None = None
        self._resting = False
        self._heard = now
        self.sequence = -1
        self.ended = ""
        self.halted = False
        self.targets = rest
        names = ("steps", "commands", "outdated", "unusable", "limited", "held", "safe")
        self.counts = dict.fromkeys(names, 0)

    def hear(self, when: float, message: Message) -> None:
        """Take a message that arrived then, in robot's seconds."""
        if message.kind is Kind.STOP:
            self.ended = self.ended or f"stopped: {printable(message.text[:REASON])}"
        elif message.kind is Kind.BYE:
            self.ended = self.ended or "the client left"
        elif message.kind in (Kind.COMMAND, Kind.REST) and message.episode == self._episode:
            self._take(when, message)

    def _take(self, when: float, message: Message) -> None:
        fits = message.digest == self._digest and len(message.values) == len(self.targets)
        newest = self.counts["steps"]  # the reading of the present control step
        too_far = message.sequence > newest + self._ahead
        if too_far or not fits or not np.isfinite(message.values).all():
            self.counts["unusable"] += 1
        elif message.sequence <= self.sequence:
            self.counts["outdated"] += 1
        else:
            self.counts["commands"] += 1
            self.sequence, self._new, self._heard = message.sequence, (when, message), when

    def decide(self, begin: float, end: float, safe_after: float) -> float:
        """Choose the `targets` of the control step that lies between, in robot's seconds.

        The newest command is done from when it came; without one the last is held; without one for
        long, or when all is to end, the robot goes into its safe posture.

        Args:
            begin: Of the step.
            end: Of the step.
            safe_after: Seconds without a command after which the robot sees to itself.

        Returns:
            Share of the step that passes before the targets take effect.
        """
        self.counts["steps"] += 1
        late, new = 0.0, self._new
        self._new = None
        if new:
            self._resting = new[1].kind is Kind.REST
        alone = bool(self.ended) or end - self._heard > safe_after
        self.halted = alone or self._resting
        if alone:
            self.targets = self._actuation.toward_safety(self.targets)
        elif new:
            late = min(max((new[0] - begin) / (end - begin), 0.0), 1.0)
            allowed = self._actuation.limited(new[1].values, self.targets)
            self.counts["limited"] += bool((allowed != new[1].values).any())
            self.targets = allowed
        else:
            self.counts["held"] += 1
        self.counts["safe"] += self.halted
        return late
