"""What downloads and version control leave in place of a file."""

from __future__ import annotations

LFS = b"version https://git-lfs"
WEB_PAGES = b"<!doctype html", b"<html"


def stand_in(content: bytes) -> str:
    """Say what a file is if it is not the file that it should be; empty if it may be.

    Args:
        content: The file.
    """
    beginning = content.lstrip()[:512].lower()
    if not beginning:
        return "empty"
    if beginning.startswith(LFS):
        return "a Git LFS pointer; fetch the file itself with `git lfs pull`"
    if beginning.startswith(WEB_PAGES):
        return "a web page; download the file itself"
    return ""
