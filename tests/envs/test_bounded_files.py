"""Files from elsewhere are read and replaced only if they are regular and of a limited size."""

import os
from pathlib import Path

import pytest

from envs.bounded_files import read_bytes, read_text, require_replaceable


def test_a_regular_file_is_read_through_a_link_and_without_its_byte_order_mark(tmp_path):
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfname")
    (tmp_path / "link").symlink_to("file")
    assert read_text(tmp_path / "link", 16) == "name"


def test_exactly_the_limit_is_allowed_and_one_byte_more_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"1234")
    assert read_bytes(tmp_path / "file", 4) == b"1234"
    with pytest.raises(ValueError, match="4 bytes, more than the limit of 3 bytes"):
        read_bytes(tmp_path / "file", 3)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "missing", "null character"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, kind):
    path = {"device": Path("/dev/zero"), "null character": Path("a\0b")}.get(kind, tmp_path / kind)
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        path.mkdir()
    with pytest.raises(ValueError, match=r"is not a regular file|cannot be read"):
        read_bytes(path, 100)


def test_latin_1_is_refused_as_text(tmp_path):
    (tmp_path / "file").write_bytes("Räder".encode("latin-1"))
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_text(tmp_path / "file", 100)


def test_new_paths_and_regular_files_may_be_replaced_nothing_else(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    require_replaceable(tmp_path / "file")
    require_replaceable(tmp_path / "new")
    for refused in (tmp_path, tmp_path / "link", Path("/dev/full"), Path()):
        with pytest.raises(ValueError):
            require_replaceable(refused)
