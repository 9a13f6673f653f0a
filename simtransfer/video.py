"""Videos: a policy at work, or several side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from agents.actor import Act
from envs.environment import Environment
from simtransfer.files import replace_file

Frame = NDArray[np.uint8]
HOLD = 12  # frames that an ended episode stays in view
PICTURES = 20.0  # a second, beyond which more would show no more
ENDS = {
    "is_success": "done",
    "collision": "collision",
    "off_road": "off the road",
    "rollover": "rolled over",
    "stuck": "stuck",
    "fell": "fell",
    "dropped": "dropped the parcel",
    "diverged": "the physics diverged",
}
BANNER = 26  # pixels above each picture for its title


def play(act: Act, world: Environment, episode: int, title: str) -> list[Frame]:
    """Pictures of one evaluation episode, titled, the last one held and saying how it ended."""
    observation, _ = world.reset(options={"episode": episode})
    frames = [_titled(world, title)]
    every, steps, ended = _stride(world.task.control_rate), 0, False
    while not ended:
        observation, _, terminated, truncated, info = world.step(act(observation[None])[0])
        ended = terminated or truncated
        steps += 1
        if steps % every == 0:
            frames.append(_titled(world, title))
    said = next((words for name, words in ENDS.items() if info.get(name)), "out of time")
    color = (38, 122, 66) if info.get("is_success") else (176, 40, 40)
    return frames + [_titled(world, f"{title}: {said}", color)] * HOLD


def _stride(rate: float) -> int:
    """Control steps from one picture to the next."""
    return max(round(rate / PICTURES), 1)


def _titled(world: Environment, title: str, color: tuple[int, int, int] = (40, 44, 52)) -> Frame:
    picture = world.render()
    if picture is None:
        raise ValueError("a video needs an environment made with render_mode='rgb_array'")
    image = Image.new("RGB", (picture.shape[1], picture.shape[0] + BANNER), color)
    image.paste(Image.fromarray(picture), (0, BANNER))
    font = ImageFont.load_default(size=14)
    ImageDraw.Draw(image).text((8, 5), title, fill=(255, 255, 255), font=font)
    return np.asarray(image)


def side_by_side(columns: Sequence[Sequence[Frame]]) -> list[Frame]:
    """Join videos left to right; the shorter ones hold their last picture."""
    length = max(len(column) for column in columns)
    gap = np.full((columns[0][0].shape[0], 6, 3), 255, dtype=np.uint8)
    joined = []
    for t in range(length):
        row: list[Frame] = []
        for column in columns:
            row += [column[min(t, len(column) - 1)], gap]
        joined.append(np.concatenate(row[:-1], axis=1))
    return joined


def write_video(frames: Sequence[Frame], file: Path, rate: float) -> Path:
    """Write an MP4 (H.264) that lasts as long as what it shows.

    Args:
        frames: As `play` took them.
        file: Where to.
        rate: Control steps a second of the worlds.

    Raises:
        ValueError: If there are no pictures.
        OSError: If the video cannot be written whole.
    """
    if not frames:
        raise ValueError("a video needs at least one picture")
    height, width = frames[0].shape[:2]
    file.parent.mkdir(parents=True, exist_ok=True)

    def write(draft: Path) -> None:
        writer = imageio_ffmpeg.write_frames(
            str(draft),
            (width, height),
            fps=rate / _stride(rate),
            macro_block_size=2,
            quality=6,
            ffmpeg_log_level="quiet",
            output_params=["-f", "mp4", "-movflags", "+faststart"],
        )
        writer.send(None)
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
        writer.close()
        # The encoder keeps to itself that it could not write.
        if imageio_ffmpeg.count_frames_and_secs(str(draft))[0] < len(frames):
            raise OSError("pictures are missing")

    try:
        replace_file(file, write)
    except (OSError, RuntimeError) as error:  # with a page of what the encoder says
        raise OSError(f"{file}: cannot be written whole; is there space, and a folder?") from error
    return file


Contestant = tuple[str, Act, Callable[[], Environment]]


def race(contestants: Sequence[Contestant], episodes: Sequence[int]) -> list[Frame]:
    """Several policies on the same evaluation episodes, side by side, one episode after another."""
    frames: list[Frame] = []
    for episode in episodes:
        columns = []
        for title, act, make in contestants:
            world = make()
            try:
                columns.append(play(act, world, episode, title))
            finally:
                world.close()
        frames += side_by_side(columns)
    return frames
