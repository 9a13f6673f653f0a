"""Records on disk: damaged, interrupted, endless, or where something else stands."""

import os
import resource
import signal
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from simtransfer.checksums import CHECKSUMS
from simtransfer.files import (
    claim,
    claim_folder,
    load_state,
    locked,
    read_json,
    read_table,
    replace_file,
    save_state,
    write_json,
    write_table,
    write_text,
)

KINDS = {
    "record.json": (lambda file, i: write_json({"value": [i, 0.1]}, file), read_json),
    "table.parquet": (lambda file, i: write_table(pd.DataFrame({"x": [i, 2]}), file), read_table),
    "state.safetensors": (
        lambda file, i: save_state({"x": torch.full((3,), float(i))}, {"a": str(i)}, file),
        load_state,
    ),
}


@pytest.fixture(params=list(KINDS))
def record(request, tmp_path):
    """A file and how it is written and read, as text that can be compared."""
    write, read = KINDS[request.param]
    return tmp_path / request.param, write, lambda file: repr(read(file))


def test_a_flipped_bit_is_noticed(record):
    file, write, read = record
    write(file, 1)
    whole = file.read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * len(whole), 100).tolist():
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"damaged|JSON|UTF-8") as error:
            read(file)
        assert str(file) in str(error.value) and "; " in str(error.value)
        assert "\n" not in str(error.value)
    file.write_bytes(whole)
    read(file)


def test_wherever_it_was_cut_off_it_is_refused_also_without_a_checksum(record):
    file, write, read = record
    write(file, 1)
    whole = file.read_bytes().rstrip()
    for listed in (True, False):
        for length in {0, 1, 7, len(whole) // 2, len(whole) - 1}:
            file.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=str(file)):
                read(file)
        if listed:
            (file.parent / CHECKSUMS).unlink()


def test_a_record_from_before_checksums_is_read(record):
    file, write, read = record
    write(file, 1)
    before = read(file)
    (file.parent / CHECKSUMS).unlink()
    assert read(file) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"record.json": 3}', "[" * 100_000])
def test_a_damaged_list_of_checksums_says_what_to_do(tmp_path, text):
    write_json({}, tmp_path / "record.json")
    (tmp_path / CHECKSUMS).write_text(text)
    with pytest.raises(ValueError, match=rf"{CHECKSUMS}: damaged .* remove it to do without"):
        read_json(tmp_path / "record.json")


def killed_at_rename(number, work):
    """Do ``work`` in a process that is killed where it is about to rename for that time."""
    rename, count = Path.replace, 0

    def rename_or_die(self, target):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    if process := os.fork():
        return os.waitpid(process, 0)[1]
    Path.replace = rename_or_die
    work()
    os._exit(0)


@pytest.mark.parametrize("renames", [1, 2, 3])
def test_a_kill_while_a_record_is_written_leaves_the_old_or_the_new_one(record, renames):
    file, write, read = record
    texts = []
    for i in (1, 2):
        write(file, i)
        texts.append(read(file))
    write(file, 1)
    ended = killed_at_rename(renames, lambda: write(file, 2))
    assert ended == (signal.SIGKILL if renames < 3 else 0)
    assert read(file) == texts[renames == 3]
    assert killed_at_rename(2, lambda: write(file, 1)) == signal.SIGKILL  # and once more
    assert read(file) == texts[renames == 3]
    with locked(file.parent):
        assert not list(file.parent.glob(".*.draft"))
    write(file, 2)
    assert read(file) == texts[1]


def test_what_another_process_is_writing_is_not_removed(tmp_path):
    draft = tmp_path / f".curve.parquet.{os.getpid()}.draft"
    draft.touch()
    with locked(tmp_path):
        assert draft.exists()


def test_a_reader_beside_a_writer_never_sees_damage(tmp_path):
    file = tmp_path / "record.json"
    write_json(0, file)
    if not (writer := os.fork()):
        for i in range(60):
            write_json(i, file)
        os._exit(0)
    seen = []
    while os.waitpid(writer, os.WNOHANG) == (0, 0):
        seen.append(read_json(file))
    assert len(set(seen)) > 1 and seen == sorted(seen)


def make_fifo(place):
    os.mkfifo(place)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_fifo, "is not a regular file"),
        (Path.mkdir, "is not a regular file"),
        (lambda place: place.symlink_to("/dev/urandom"), "is not a regular file"),
        (lambda place: place.symlink_to(place), "Too many levels of symbolic links"),
        (lambda place: None, "No such file"),
    ],
)
def test_what_is_no_file_is_not_read(make, said, record):
    file, _, read = record
    make(file)
    with pytest.raises(ValueError, match=said) as error:
        read(file)
    assert "; " in str(error.value)


def test_a_record_beyond_its_limit_is_not_read(tmp_path):
    file = tmp_path / "record.json"
    file.touch()
    os.truncate(file, 2**30)  # takes no place on the disk
    with pytest.raises(ValueError, match=r"has 1024 MiB, more than the limit of 64 MiB"):
        read_json(file)
    with pytest.raises(ValueError, match=r"has 1024 MiB, more than the limit of 256 MiB"):
        read_table(file)


def test_a_small_file_of_many_rows_is_not_read(tmp_path):
    table = pd.DataFrame({"x": np.zeros(10_000_001, dtype=np.int8)})
    table.to_parquet(tmp_path / "many.parquet", index=False)
    assert (tmp_path / "many.parquet").stat().st_size < 1e6
    with pytest.raises(ValueError, match="has 10000001 rows, the limit is 10000000"):
        read_table(tmp_path / "many.parquet")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_fifo, "is not a regular file"),
        (Path.mkdir, "is not a regular file"),
        (lambda place: place.symlink_to("/dev/null"), "is a symbolic link"),
        (lambda place: place.symlink_to(place.with_name("other")), "is a symbolic link"),
    ],
)
def test_what_is_no_file_is_not_replaced(make, said, record):
    file, write, _ = record
    file.with_name("other").write_text("keep me")
    make(file)
    before = file.lstat()
    for work in (lambda: claim(file), lambda: write(file, 1), lambda: write_text("", file)):
        with pytest.raises(ValueError, match=said):
            work()
    assert file.lstat()[:3] == before[:3]
    assert file.with_name("other").read_text() == "keep me"
    assert sorted(place.name for place in file.parent.iterdir()) == sorted([file.name, "other"])


def test_a_device_stays_a_device():
    for work in (claim, lambda file: replace_file(file, Path.touch), claim_folder):
        with pytest.raises(ValueError, match="/dev/null: exists and is not a"):
            work(Path("/dev/null"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_lock_is_not_taken_through_a_link_or_a_pipe(tmp_path):
    (tmp_path / "mine").write_text("keep me")
    for make in (lambda lock: lock.symlink_to(tmp_path / "mine"), make_fifo):
        make(tmp_path / ".lock")
        with pytest.raises(ValueError, match=r"\.lock: "), locked(tmp_path):
            pass
        (tmp_path / ".lock").unlink()
    assert (tmp_path / "mine").read_text() == "keep me"


def test_a_second_process_is_told_that_a_folder_is_held(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(ValueError, match="another process is writing"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (Path.touch, "exists and is not a folder"),
        (make_fifo, "exists and is not a folder"),
        (lambda place: place.symlink_to("/nowhere/at/all"), "is a symbolic link to nothing"),
    ],
)
@pytest.mark.parametrize("below", ["", "runs/a"])
def test_what_is_no_folder_is_not_written_into(make, said, below, tmp_path):
    make(tmp_path / "place")
    with pytest.raises(ValueError, match=f"place: {said}"):
        claim_folder(tmp_path / "place" / below)


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    claim_folder(tmp_path / "runs" / "first")
    assert (tmp_path / "disk" / "first").is_dir()
    assert not list((tmp_path / "disk" / "first").iterdir())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\nb", r"a\\nb/log'"),
        ("\x1b[31m", r"\\x1b\[31m"),
        ("\udcff", r"\\udcff"),
        ("ü" * 128, "more than 255 bytes"),
    ],
)
def test_a_place_that_cannot_be_named_is_refused_before_anything_is_made(name, said, tmp_path):
    for work in (claim, claim_folder):
        with pytest.raises(ValueError, match=said) as error:
            work(tmp_path / name / "log")
        assert "\n" not in str(error.value) and "\x1b" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["Ø runs", "[left]", "a b", ".hidden", "ü" * 120])
def test_unusual_names_are_fine(name, tmp_path):
    claim_folder(tmp_path / name)
    claim(tmp_path / name / f"{name}.toml")
    write_json([1], tmp_path / name / "record.json")
    assert read_json(tmp_path / name / "record.json") == [1]


def test_a_full_disk_leaves_the_old_record_and_its_checksum(record):
    file, write, read = record
    write(file, 1)
    before = read(file)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for most in (0, 40, 150):  # of the record, or of the list of checksums
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, limit[1]))
            try:
                write(file, 2)
            except OSError as error:
                assert str(file.parent) in str(error)
            else:
                before = read(file)
            assert read(file) == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(file.parent.glob(".*"))


def test_text_that_cannot_be_encoded_does_not_cost_a_report(tmp_path):
    write_text("trained by \udcff", tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_text() == "trained by \\udcff"
