"""Meshes of collision shapes are found and looked into before an engine gets them."""

import struct
from pathlib import Path

import numpy as np
import pytest

from envs.bullet import Bullet
from envs.meshes import find_mesh
from envs.robot_file import read_robot
from tests.envs.cart_files import BOX, URDF, changed, write

CORNERS = [(x, y, z) for x in (-0.5, 0.5) for y in (-0.35, 0.35) for z in (-0.2, 0.2)]
FACES = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)]
FACES += [(2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)]
OBJ = "".join("v {} {} {}\n".format(*corner) for corner in CORNERS)
OBJ += "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in FACES)
STL = bytes(80) + struct.pack("<I", len(FACES))
STL += b"".join(
    struct.pack("<12fH", 0, 0, 0, *(CORNERS[a] + CORNERS[b] + CORNERS[c]), 0) for a, b, c in FACES
)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:abab\nsize 1274284\n"


def cart(folder, filename, content=OBJ, to=None):
    """A cart in a package's folder ``urdf`` whose chassis is a mesh of its size."""
    mesh = folder / "cart_description" / (to or "meshes/chassis.obj")
    mesh.parent.mkdir(parents=True, exist_ok=True)
    mesh.write_bytes(content if isinstance(content, bytes) else content.encode())
    element = f'<mesh filename="{filename}"/>'
    return write(folder / "cart_description" / "urdf", changed(URDF, (BOX, element)))


def load(folder):
    simulator = Bullet()
    try:
        simulator.load(read_robot(folder), (), 240.0)
    finally:
        simulator.close()


PLACES = {
    "relative": "../meshes/chassis.obj",
    "of Windows": r"..\meshes\chassis.obj",
    "in a package": "package://cart_description/meshes/chassis.obj",
    "in a model": "model://cart_description/meshes/chassis.obj",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_mesh_is_found_where_ros_and_gazebo_would_find_it(tmp_path, place):
    folder = cart(tmp_path, PLACES[place])
    found = find_mesh(PLACES[place], folder / "cart.urdf")
    assert found == (tmp_path / "cart_description/meshes/chassis.obj").resolve()
    load(folder)


def test_a_mesh_may_be_given_by_its_whole_path(tmp_path):
    mesh = tmp_path / "a b" / "chassis.STL"
    mesh.parent.mkdir()
    mesh.write_bytes(STL)
    for name in (str(mesh), mesh.as_uri()):
        assert find_mesh(name, Path("/nowhere/cart.urdf")) == mesh.resolve()


NO_MESHES = {
    "misspelt": (
        "../meshes/chasis.obj",
        OBJ,
        "no mesh '../meshes/chasis.obj' in",
        "did you mean 'chassis.obj'",
    ),
    "another package": (
        "package://other/a.obj",
        OBJ,
        "put the URDF into the folder 'other' of that package",
    ),
    "a long name": ("m" * 5000 + ".obj", OBJ, "no mesh 'mmmm", "[[shapes]]"),
    "no name": ("", OBJ, "mesh lacks filename"),
    "a folder": ("../meshes", OBJ, "mesh '../meshes': is not a regular file"),
    "a download": ("https://example.org/a.obj", OBJ, "https:// is not read; download the file"),
    "half a path": ("file://meshes/chassis.obj", OBJ, "a file:// address needs an absolute path"),
    "empty": ("../meshes/chassis.obj", "", "chassis.obj: it is empty"),
    "LFS": (
        "../meshes/chassis.obj",
        LFS,
        "it is a Git LFS pointer; fetch the file itself with `git lfs",
    ),
    "a web page": ("../meshes/chassis.obj", "\n<!doctype html>", "it is a web page"),
    "no faces": (
        "../meshes/chassis.obj",
        "v 0 0 0\n" * 8,
        "it has no vertices (v) or no faces (f)",
    ),
    "blank lines": ("../meshes/chassis.obj", "v 0 0 0" + "\n" * 10**6, "or no faces (f)"),
    "STL in text": (
        "../meshes/a.stl",
        "solid a\nfacet normal 0 0 1\nvertex 0 0 0",
        "save it as a binary STL",
    ),
    "half an STL": ("../meshes/a.stl", STL[:-10], "it is not a complete binary STL"),
    "STL of nothing": ("../meshes/a.stl", bytes(84), "it is not a complete binary STL"),
    "no COLLADA": (
        "../meshes/a.dae",
        "<COLLADA><lines/></COLLADA>",
        "it is not COLLADA with <triangles>",
    ),
    "another format": ("../meshes/a.glb", "glTF", "engines read .stl, .obj and .dae, not '.glb'"),
}


@pytest.mark.parametrize("fault", NO_MESHES)
def test_a_body_that_would_touch_nothing_is_refused(tmp_path, fault):
    filename, content, *said = NO_MESHES[fault]
    to = filename[3:] if filename.startswith("../meshes/a.") else None
    with pytest.raises(ValueError) as error:
        load(cart(tmp_path, filename, content, to))
    message = str(error.value)
    assert "cart.urdf: link 'chassis': " in message
    assert all(part in message for part in said)
    assert "\n" not in message
    assert len(message) < 600


def test_a_link_to_a_mesh_keeps_its_ending(tmp_path):
    (tmp_path / "blob").write_text(OBJ)
    (tmp_path / "chassis.obj").symlink_to("blob")
    found = find_mesh("chassis.obj", tmp_path / "cart.urdf")
    assert found == tmp_path.resolve() / "chassis.obj"


def test_a_mesh_that_never_ends_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is not a regular file"):
        find_mesh("/dev/zero", tmp_path / "cart.urdf")


@pytest.mark.parametrize("ending", ["obj", "stl"])
def test_a_mesh_of_the_boxs_size_drives_as_the_box(tmp_path, ending):
    """On its wheels, a cart touches the ground with its chassis no more than with a box."""
    mesh = cart(
        tmp_path / "mesh",
        f"../meshes/a.{ending}",
        OBJ if ending == "obj" else STL,
        f"meshes/a.{ending}",
    )
    states = []
    for folder in (mesh, write(tmp_path / "box")):
        simulator = Bullet()
        simulator.load(read_robot(folder), (), 240.0)
        simulator.reset(0.0, 0.0, 0.0, 0.0)
        simulator.drive({"left": 2.0, "right": 2.0}, 1.0, 0.0)
        simulator.advance(240)
        states.append(simulator.state().position)
        simulator.close()
    np.testing.assert_allclose(*states, atol=1e-9)


BROKEN = {  # of which PyBullet crashes at some, and never ends at others
    "not a number in an OBJ": (OBJ.replace("v -0.5", "v nan", 1), "chassis.obj"),
    "beyond 32 bits in an OBJ": (OBJ.replace("v -0.5", "v 1e39", 1), "chassis.obj"),
    "a corner that is not there": (OBJ + "f 1 2 99\n", "chassis.obj"),
    "a corner counted from the end that is not there": (OBJ + "f 1 2 -9\n", "chassis.obj"),
    "not a number in an STL": (
        STL[:96] + struct.pack("<f", float("nan")) + STL[100:],
        "chassis.stl",
    ),
    "not a number in COLLADA": (
        '<COLLADA><float_array count="3">0 NaN 1</float_array><triangles/></COLLADA>',
        "chassis.dae",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_mesh_with_a_vertex_that_is_no_point_is_refused_before_an_engine_gets_it(tmp_path, what):
    content, name = BROKEN[what]
    folder = cart(tmp_path, f"../{name}", content, name)
    with pytest.raises(ValueError, match="vertex is missing or not made of finite numbers"):
        find_mesh(f"../{name}", folder / "cart.urdf")


def test_an_obj_may_have_tabs_leading_spaces_and_faces_from_the_end(tmp_path):
    text = OBJ.replace("v ", " v\t").replace("f 1 2 4", "f -8//1 -7 -5/2/3")
    folder = cart(tmp_path, "../chassis.obj", text, "chassis.obj")
    find_mesh("../chassis.obj", folder / "cart.urdf")
