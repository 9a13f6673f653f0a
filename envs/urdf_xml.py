"""The XML of a URDF: its encoding and namespace, and what only looks like a URDF."""

from __future__ import annotations

import codecs
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from envs.stand_in import stand_in

MOST_ELEMENTS = 200_000  # of XML; a humanoid with hands has about 5,000
MARKS = (  # byte order marks, the longer ones first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNMARKED = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
# What xacro makes of `$(optenv NAME default)` where the variable is not set.
OPTIONAL = re.compile(r"\$\(optenv\s+[^\s)]+\s*([^)]*)\)")
OTHERS = {"sdf": "an SDF", "mujoco": "an MJCF", "launch": "a launch file", "COLLADA": "a mesh"}


def read_xml(text: str | bytes, name: str) -> ET.Element:
    """Read a URDF's XML; a namespace of the whole document is left out of its tags.

    Args:
        text: The file's content.
        name: The file's name, for the command that expands a xacro file.

    Returns:
        The ``<robot>`` element.

    Raises:
        ValueError: If it is not XML, is too large, or is a xacro file, an SDF or the like.
    """
    text = _decoded(text)
    _check_size(text)
    try:
        robot = ET.fromstring(text)
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter two: its encoding
        raise ValueError(_explained(error, text, name)) from None
    namespace = robot.tag.rpartition("}")[0]
    if namespace:
        for element in robot.iter():
            element.tag = element.tag.removeprefix(namespace + "}")
    if robot.tag != "robot":
        what = OTHERS.get(robot.tag, "other XML")
        raise ValueError(f"not a URDF but {what}: its root is <{robot.tag}>, not <robot>")
    for part in (*robot.iterfind("link"), *robot.iterfind("joint")):
        for element in part.iter():
            for key, value in element.attrib.items():
                if "$(" in value:
                    element.set(key, OPTIONAL.sub(r"\1", value))
    if left := next(_xacro(robot), None):
        raise ValueError(_expand(left, name))
    return robot


def _decoded(text: str | bytes) -> str | bytes:
    """Decode what carries a byte order mark; the rest is left to the parser."""
    if isinstance(text, str):
        return text
    for mark, encoding in (*MARKS, *UNMARKED):
        if text.startswith(mark):
            body = text[len(mark) :] if (mark, encoding) in MARKS else text
            try:
                return body.decode(encoding)
            except UnicodeDecodeError:
                raise ValueError(f"not {encoding.upper()}, as its first bytes claim") from None
    return text


def _check_size(text: str | bytes) -> None:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    if what := stand_in(content):
        raise ValueError(f"not a URDF: it is {what}")
    if content.count(b"<") > 2 * MOST_ELEMENTS:
        raise ValueError(f"more than {MOST_ELEMENTS} XML elements, which is more than is read")
    if b"<!ENTITY" in content:
        raise ValueError("it declares XML entities, which are not read; write their values instead")


def _explained(error: Exception, text: str | bytes, name: str) -> str:
    """What a parser's complaint means."""
    content = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    if "unbound prefix" in str(error) and b"xacro:" in content:
        return _expand("a tag with the prefix xacro", name)
    if isinstance(text, bytes) and not re.match(rb"\s*<\?xml[^>]*encoding", text):
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as wrong:
            line = 1 + text.count(b"\n", 0, wrong.start)
            return f"not UTF-8 text (line {line}); save it as UTF-8, or declare its encoding"
    if "unbound prefix" in str(error):
        return f"not a URDF: {error}; declare it (xmlns:…) or take the tag out"
    if not isinstance(error, ET.ParseError) or "encoding" in str(error):
        return f"not a URDF: {error}; save it as UTF-8"
    return f"not a URDF: {error}"


def _xacro(robot: ET.Element) -> Iterator[str]:
    """What only xacro understands."""
    for element in robot.iter():
        if element.tag.startswith("{") and "xacro" in element.tag:
            yield f"xacro:{element.tag.rpartition('}')[2]}"
    for part in (*robot.iterfind("link"), *robot.iterfind("joint")):
        for element in part.iter():
            for key, value in element.attrib.items():
                if "${" in value or "$(" in value:
                    yield f"{element.tag} {key}={value[:60]!r}"


def _expand(left: str, name: str) -> str:
    made = name.removesuffix(".xacro")
    if made == name or not made.endswith(".urdf"):
        made = "expanded.urdf" if made.endswith(".urdf") else made + ".urdf"
    command = f"xacro {shlex.quote(name)} > {shlex.quote(made)}"
    return f"a xacro file, not a URDF ({left}); run `{command}` and name the result as urdf"
