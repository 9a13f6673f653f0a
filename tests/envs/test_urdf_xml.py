"""What is not a URDF is refused with a sentence that says what it is and what to do."""

import pytest

from envs.urdf import read_urdf
from envs.urdf_xml import MOST_ELEMENTS
from tests.envs.cart_files import URDF, changed, write

HEAD = '<?xml version="1.0"?><robot name="cart" xmlns:xacro="http://ros.org/wiki/xacro">'
BOMB = "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
NOT_URDFS = {
    "xacro": (
        HEAD + '<xacro:include filename="a"/></robot>',
        "run `xacro cart.urdf > expanded.urdf`",
    ),
    "undeclared xacro": (
        URDF.replace("</robot>", "<xacro:wheel/></robot>"),
        "a xacro file, not a URDF (a tag with the prefix xacro)",
    ),
    "a property": (
        URDF.replace('"60"', '"${mass}"'),
        "a xacro file, not a URDF (mass value='${mass}')",
    ),
    "an argument": (URDF.replace('"60"', '"$(arg mass)"'), "(mass value='$(arg mass)')"),
    "a prefix": (URDF.replace('name="chassis"', 'name="${prefix}chassis"'), "(link name="),
    "SDF": ("<sdf version='1.6'><model/></sdf>", "not a URDF but an SDF: its root is <sdf>"),
    "MJCF": ("<mujoco/>", "not a URDF but an MJCF"),
    "empty": ("", "not a URDF: it is empty"),
    "blank": (" \n\n", "not a URDF: it is empty"),
    "LFS": ("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n", "git lfs pull"),
    "a web page": ("<!DOCTYPE html><html></html>", "it is a web page; download the file itself"),
    "no links": ('<robot name="x"/>', "it has no links"),
    "unbound": (URDF.replace("</robot>", "<a:b/></robot>"), "; declare it (xmlns:…) or take the"),
    "text": ("name: cart", "not a URDF: syntax error"),
    "Latin-1": ("<!-- ü -->".encode("latin1") + URDF.encode(), "not UTF-8 text (line 1); save it"),
    "not UTF-16": (b"\xff\xfe<" + b"\x00\xd8" * 3, "not UTF-16-LE, as its first bytes claim"),
    "Shift JIS": (b'<?xml version="1.0" encoding="shift_jis"?><robot/>', "save it as UTF-8"),
    "an entity bomb": (f'<!DOCTYPE r [<!ENTITY a "ha">{BOMB}]><robot name="&i;"/>', "XML entities"),
    "a file of the system": (
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><robot name="&x;"/>',
        "it declares XML entities, which are not read",
    ),
    "many elements": (
        "<robot>" + "<a/>" * (2 * MOST_ELEMENTS) + "</robot>",
        "more than 200000 XML",
    ),
    "many links": (
        "<robot>" + "".join(f'<link name="{k}"/>' for k in range(1001)) + "</robot>",
        "it has 1001 links; at most 1000 are read",
    ),
    "deep": ("<robot>" + "<link>" * 50_000 + "</link>" * 50_000 + "</robot>", "a link has no name"),
}


@pytest.mark.parametrize("kind", NOT_URDFS)
def test_what_is_no_urdf_is_called_by_its_name(tmp_path, kind):
    content, said = NOT_URDFS[kind]
    with pytest.raises(ValueError) as error:
        read_urdf(write(tmp_path, content) / "cart.urdf")
    message = str(error.value)
    assert said in message
    assert message.startswith(f"{tmp_path / 'cart.urdf'}: ")
    assert "\n" not in message
    assert len(message) < 400


def test_a_xacro_file_is_expanded_to_the_name_without_its_ending(tmp_path):
    file = tmp_path / "my cart.urdf.xacro"
    file.write_text(HEAD + '<xacro:arg name="a"/></robot>')
    with pytest.raises(ValueError, match=r"xacro 'my cart.urdf.xacro' > 'my cart.urdf'"):
        read_urdf(file)


def test_a_setting_of_the_environment_has_its_default(tmp_path):
    """As xacro would have it; pybullet_data's husky has such a place."""
    text = changed(URDF, ('xyz="0.3 0.34 -0.15"', 'xyz="$(optenv PLACE 0.4 0.34 -0.15)"'))
    urdf = read_urdf(write(tmp_path, text) / "cart.urdf")
    assert urdf.place("front_left_wheel").tolist() == [0.4, 0.34, -0.15]


def test_what_is_not_read_is_counted(tmp_path):
    text = changed(
        URDF,
        ("</robot>", "<gazebo/><gazebo/><transmission/><material/></robot>"),
        ("<axis", '<dynamics damping="0.0" friction="0.1"/><calibration/><axis'),
    )
    urdf = read_urdf(write(tmp_path, text) / "cart.urdf")
    assert urdf.unused == {"gazebo": 2, "transmission": 1, "calibration": 4, "joint friction": 4}
