import os
import struct

import numpy as np

from envs.mesh_points import mesh_points

POINTS = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 2.0, -0.5)]


def test_vertices_of_an_obj(tmp_path):
    file = tmp_path / "a.obj"
    rows = "".join(f"v {x} {y} {z}\n" for x, y, z in POINTS)
    file.write_text(f"# made by hand\no part\n{rows}vn 0 0 9\nf 1 2 3\n", encoding="utf-8")
    np.testing.assert_array_equal(mesh_points(file), POINTS)


def test_vertices_of_a_binary_stl(tmp_path):
    file = tmp_path / "a.stl"
    corners = [value for point in POINTS for value in point]
    triangle = struct.pack("<12fH", 0.0, 0.0, 1.0, *corners, 0)
    file.write_bytes(b"solid".ljust(80) + struct.pack("<I", 1) + triangle)
    np.testing.assert_array_equal(mesh_points(file), POINTS)


def test_what_cannot_be_read_has_no_vertices(tmp_path):
    assert mesh_points(tmp_path / "missing.obj") is None
    for name, text in (
        ("a.dae", "<COLLADA/>"),
        ("a.obj", "v 1 2 x\n"),
        ("a.stl", "solid"),
        ("b.obj", ""),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert mesh_points(tmp_path / name) is None


def test_a_file_that_was_written_again_is_read_again(tmp_path):
    file = tmp_path / "a.obj"
    for height in (1.0, 2.0):
        file.write_text(f"v 0 0 {height}\n", encoding="utf-8")
        stamp = int(height * 1e9)
        os.utime(file, ns=(stamp, stamp))
        assert mesh_points(file)[0, 2] == height
