import json
import os
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from agents.bundle import DESCRIPTION, TENSORS, load_bundle, save_bundle, shipped_bundles
from agents.bundle_folder import CHECKSUMS, replace_folder
from envs.interface import Interface

REPOSITORY = Path(__file__).parents[2]


def observations(bundle, count=32):
    rng = np.random.default_rng(1)
    low = np.asarray([f.low for f in bundle.reads])
    high = np.asarray([f.high for f in bundle.reads])
    return (low + rng.random((count, len(low))) * (high - low)).astype(np.float32)


def test_round_trip_acts_identically(make_bundle, tmp_path):
    bundle = make_bundle()
    again = load_bundle(save_bundle(bundle, tmp_path / "b"))
    seen = observations(bundle)
    assert np.array_equal(bundle.actor().act(seen), again.actor().act(seen))
    assert again.reads == bundle.reads
    assert again.provenance == bundle.provenance


def test_does_the_same_actions_in_another_order(make_bundle):
    bundle = make_bundle()
    seen = observations(bundle)
    turned = Interface(bundle.reads, bundle.acts[::-1])
    expected = bundle.policy(Interface(bundle.reads, bundle.acts))(seen)
    assert not np.array_equal(expected, expected[:, ::-1])
    np.testing.assert_allclose(bundle.policy(turned)(seen), expected[:, ::-1], atol=1e-6)


def test_reads_the_same_features_from_another_order(make_bundle):
    bundle = make_bundle()
    seen = observations(bundle)
    order = np.random.default_rng(2).permutation(len(bundle.reads))
    shuffled = Interface(tuple(bundle.reads[i] for i in order), bundle.acts)
    expected = bundle.actor().act(seen)
    assert np.array_equal(bundle.policy(shuffled)(seen[:, order]), expected)


def test_a_missing_feature_is_named(make_bundle):
    bundle = make_bundle()
    without = Interface(bundle.reads[1:], bundle.acts)
    with pytest.raises(ValueError, match="base/linear_velocity/x"):
        bundle.policy(without)


def test_holds_no_code(make_bundle, tmp_path):
    folder = save_bundle(make_bundle(), tmp_path / "b")
    assert sorted(file.name for file in folder.iterdir()) == [DESCRIPTION, TENSORS]
    json.loads((folder / DESCRIPTION).read_text())
    load_file(folder / TENSORS)


def test_a_failed_save_leaves_the_old_one(make_bundle, tmp_path, monkeypatch):
    folder = save_bundle(make_bundle(0), tmp_path / "b")
    before = (folder / TENSORS).read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agents.bundle.write_tensors", full)
    with pytest.raises(OSError, match="No space"):
        save_bundle(make_bundle(1), folder)
    assert (folder / TENSORS).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["b"]


def test_a_folder_of_something_else_is_left_alone(make_bundle, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="is not a bundle"):
        save_bundle(make_bundle(), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_a_disk_that_is_full_is_an_ordinary_error(make_bundle, tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limit[1]))
    try:
        with pytest.raises(OSError, match=r"cannot be written|File too large"):
            save_bundle(make_bundle(), tmp_path / "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("critic.head.weight", None), ("critic.head.bias", float("nan")), ("critic.head.weight", 3)],
)
def test_a_critic_is_checked_too(teacher_folder, key, value):
    tensors = load_file(teacher_folder / TENSORS)
    if value is None:
        del tensors[key]
    elif value == 3:
        tensors[key] = torch.zeros(3)
    else:
        tensors[key][0] = value
    save_file(tensors, teacher_folder / TENSORS)
    with pytest.raises(ValueError, match=r"critic\.head"):
        load_bundle(teacher_folder)


def broken(folder, how):
    tensors, description = folder / TENSORS, folder / DESCRIPTION
    data = json.loads(description.read_text())
    if how == "truncated tensors":
        tensors.write_bytes(tensors.read_bytes()[:-100])
    elif how == "truncated description":
        description.write_text(description.read_text()[:200])
    elif how == "no description":
        description.unlink()
    elif how == "no tensors":
        tensors.unlink()
    elif how == "wrong shape":
        loaded = load_file(tensors)
        loaded["actor.head.weight"] = torch.zeros(3, 3)
        save_file(loaded, tensors)
    elif how == "missing tensor":
        loaded = load_file(tensors)
        del loaded["actor.head.weight"]
        save_file(loaded, tensors)
    elif how == "nan":
        loaded = load_file(tensors)
        loaded["actor.head.bias"][0] = float("nan")
        save_file(loaded, tensors)
    elif how == "half precision":
        save_file({k: v.half() for k, v in load_file(tensors).items()}, tensors)
    elif how == "folder for tensors":
        tensors.unlink()
        tensors.mkdir()
    elif how == "link to itself":
        description.unlink()
        description.symlink_to(description)
    elif how == "endless nesting":
        description.write_text("[" * 100_000)
    elif how == "endless width":
        data["network"]["hidden"] = [2**62]
        description.write_text(json.dumps(data))
    elif how == "future format":
        description.write_text(json.dumps({**data, "format": 99}))
    elif how == "missing key":
        del data["reads"]
        description.write_text(json.dumps(data))
    elif how == "bad activation":
        data["network"]["activation"] = "rleu"
        description.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("truncated tensors", "truncated or not safetensors"),
        ("truncated description", "truncated or not JSON"),
        ("no description", "is this a bundle"),
        ("no tensors", "cannot be read"),
        ("wrong shape", r"actor.head.weight has shape \(3, 3\)"),
        ("missing tensor", "lacks tensor 'actor.head.weight'"),
        ("nan", "NaN"),
        ("half precision", "is of torch.float16, expected torch.float32"),
        ("folder for tensors", "is not a regular file"),
        ("link to itself", "Too many levels of symbolic links"),
        ("endless nesting", "truncated or not JSON"),
        ("endless width", "network.hidden: give at least one width, each 1 to 65536"),
        ("future format", "format 99"),
        ("missing key", "reads"),
        ("bad activation", "did you mean 'relu'"),
    ],
)
def test_damage_is_said_in_one_line(teacher_folder, how, said):
    broken(teacher_folder, how)
    with pytest.raises(ValueError, match=said) as error:
        load_bundle(teacher_folder)
    assert "\n" not in str(error.value)
    assert str(teacher_folder) in str(error.value)


@pytest.mark.parametrize("name", [TENSORS, DESCRIPTION])
def test_wherever_a_file_was_cut_off_it_is_refused(teacher_folder, name):
    file = teacher_folder / name
    whole = file.read_bytes().rstrip()
    for length in (*range(0, 200, 9), *range(200, len(whole), len(whole) // 40), len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="truncated or not") as error:
            load_bundle(teacher_folder)
        assert str(file) in str(error.value) and "\n" not in str(error.value)


LONG = ["x"] * 32_001


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("robot", "/etc/passwd", "robot: expected a robot's name, not a path, got '/etc/passwd'"),
        ("robot", "../hatchback", "robot: expected a robot's name"),
        ("robot", "pybullet_data:husky", "robot: expected a robot's name"),
        ("robot", "", "robot: expected a robot's name"),
        ("robot_digest", "../../secret", "robot_digest: expected 16 hexadecimal digits"),
        ("control_rate", 0, "control_rate: expected Hz above 0, got 0"),
        ("reads", [], "reads and acts: each needs at least one feature"),
        ("acts", [], "reads and acts: each needs at least one feature"),
        ("reads", LONG, "reads: 32,001 features, more than the limit 10,000"),
        ("judges", LONG, "judges: 32,001 features, more than the limit 10,000"),
        (
            "network.hidden",
            [1] * 100_000,
            "network.hidden: 100000 layers, more than the limit of 32",
        ),
        (
            "network.hidden",
            [65536] * 3,
            "network: 8,5.* weights, more than the limit of 100,000,000",
        ),
        ("network.critic_hidden", [20_000] * 2, "network: 40.* weights, more than the limit"),
        ("acts.name", "\x1b[2J", r"acts\[0\].name: expected at most 200 printable characters"),
        ("reads.unit", "m" * 5000, r"reads\[0\].unit: expected at most 200 printable characters"),
    ],
)
def test_what_a_description_may_say_has_limits(teacher_folder, key, value, said):
    file = teacher_folder / DESCRIPTION
    data = json.loads(file.read_text())
    table, _, inner = key.partition(".")
    if not inner:
        data[table] = value
    else:
        (data[table][0] if isinstance(data[table], list) else data[table])[inner] = value
    file.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=said) as error:
        load_bundle(teacher_folder)
    assert str(error.value).startswith(str(file)) and len(str(error.value)) < 500


def test_a_description_without_end_is_not_read(teacher_folder):
    (teacher_folder / DESCRIPTION).unlink()
    (teacher_folder / DESCRIPTION).symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="is not a regular file"):
        load_bundle(teacher_folder)
    (teacher_folder / DESCRIPTION).unlink()
    with (teacher_folder / DESCRIPTION).open("wb") as file:
        file.truncate(2**30)  # takes no space on the disk
    with pytest.raises(ValueError, match="has 1024 MiB, more than the limit of 16 MiB"):
        load_bundle(teacher_folder)


def test_more_tensors_than_are_described_are_not_read(teacher_folder):
    with (teacher_folder / TENSORS).open("r+b") as file:
        file.truncate(2**30)
    with pytest.raises(ValueError, match=r"has 1024 MiB, more than the limit of 1\.\d+ MiB"):
        load_bundle(teacher_folder)


def test_an_unknown_name_is_told():
    with pytest.raises(ValueError, match="unknown bundle"):
        load_bundle("hatchbak-driving")


def test_a_digest_stays_what_earlier_records_say():
    record = "experiments/results/parcel_transfer/runs/courier/finetune/seed-0/config.json"
    recorded = json.loads((REPOSITORY / record).read_text())["digests"]["teacher"]
    assert load_bundle("porter-parcel-detuned").digest == recorded


def test_a_digest_is_of_what_it_does(make_bundle, tmp_path):
    bundle = make_bundle()
    same = load_bundle(save_bundle(replace(bundle, provenance={"hours": 2}), tmp_path / "same"))
    assert same.digest == bundle.digest
    assert make_bundle(seed=1).digest != bundle.digest
    assert replace(bundle, control_rate=20.0).digest != bundle.digest


def places(entry, path=()):
    """Every place in nested JSON; of a list, the first two."""
    yield path
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield from places(value, (*path, key))
    elif isinstance(entry, list):
        for i, value in enumerate(entry[:2]):
            yield from places(value, (*path, i))


def put(entry, path, value):
    if not path:
        return value
    copy = entry.copy()
    copy[path[0]] = put(entry[path[0]], path[1:], value)
    return copy


@pytest.mark.parametrize("wrong", [None, "x", -1, [], {}, float("inf"), True, [[1]]], ids=repr)
def test_whatever_stands_anywhere_in_the_description_it_loads_or_is_refused(teacher_folder, wrong):
    file = teacher_folder / DESCRIPTION
    description = json.loads(file.read_text())
    refused = 0
    for path in places(description):
        file.write_text(json.dumps(put(description, path, wrong)))
        try:
            load_bundle(teacher_folder)
        except ValueError as error:
            refused += 1
            assert str(teacher_folder) in str(error)
            assert "\n" not in str(error)
    assert refused > 5


def flip(file, bit):
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)


@pytest.mark.parametrize("name", [TENSORS, DESCRIPTION])
def test_a_flipped_bit_is_noticed(teacher_folder, name):
    file, digest = teacher_folder / name, load_bundle(teacher_folder).digest
    bits = np.random.default_rng(0).integers(0, 8 * file.stat().st_size, 40).tolist()
    for bit in bits:
        flip(file, bit)
        try:
            # A last digit that is beyond a number's precision may change without changing it.
            same = load_bundle(teacher_folder).digest == digest
            assert name == DESCRIPTION and same
        except ValueError as error:
            assert str(teacher_folder) in str(error) and "\n" not in str(error)
        flip(file, bit)
    assert load_bundle(teacher_folder).digest == digest


def test_a_weight_that_was_changed_says_which_file_and_what_to_do(teacher_folder):
    tensors = load_file(teacher_folder / TENSORS)
    tensors["actor.head.bias"][0] += 1e-6
    save_file(tensors, teacher_folder / TENSORS)
    with pytest.raises(ValueError, match=rf"{TENSORS}: damaged.* restore it .* remove 'checksums'"):
        load_bundle(teacher_folder)


def test_a_bundle_without_checksums_still_loads_and_may_be_changed(teacher_folder):
    file = teacher_folder / DESCRIPTION
    description = json.loads(file.read_text())
    del description[CHECKSUMS]
    file.write_text(json.dumps(description | {"control_rate": 20.0}))
    assert load_bundle(teacher_folder).control_rate == 20.0


def test_an_unknown_key_is_told(teacher_folder):
    file = teacher_folder / DESCRIPTION
    file.write_text(file.read_text().replace('"checksums"', '"checksumz"'))
    with pytest.raises(ValueError, match="did you mean 'checksums'"):
        load_bundle(teacher_folder)


@pytest.mark.parametrize("name", list(shipped_bundles()))
def test_shipped_bundles_have_checksums(name):
    folder = shipped_bundles()[name]
    assert CHECKSUMS in json.loads((folder / DESCRIPTION).read_text())
    load_bundle(name)


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(teacher_folder):
    before = load_bundle(teacher_folder).digest
    with pytest.raises(OSError):
        replace_folder(teacher_folder, shutil.rmtree)  # what was to take its place is gone
    assert load_bundle(teacher_folder).digest == before
    assert [file.name for file in teacher_folder.parent.iterdir()] == [teacher_folder.name]


def killed_at_rename(number, work):
    """Do ``work`` in a process that is killed where it is about to rename for that time."""
    rename, count = Path.rename, 0

    def rename_or_die(self, target):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    if process := os.fork():
        return os.waitpid(process, 0)[1]
    Path.rename = rename_or_die
    work()
    os._exit(0)


@pytest.mark.parametrize("renames", [1, 2])
@pytest.mark.parametrize("first", ["load", "save"])
def test_a_kill_while_a_bundle_is_replaced_loses_none(make_bundle, tmp_path, renames, first):
    place, new = save_bundle(make_bundle(0), tmp_path / "place"), make_bundle(1)
    assert killed_at_rename(renames, lambda: save_bundle(new, place)) == signal.SIGKILL
    expected = make_bundle(renames - 1).digest
    if first == "save":
        save_bundle(make_bundle(2), place)
        expected = make_bundle(2).digest
        assert [file.name for file in tmp_path.iterdir()] == ["place"]
    assert load_bundle(place).digest == expected


def test_a_link_to_a_folder_is_followed_and_one_to_nothing_refused(make_bundle, tmp_path):
    place = save_bundle(make_bundle(0), tmp_path / "place")
    (tmp_path / "link").symlink_to(place)
    save_bundle(make_bundle(1), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load_bundle(place).digest == make_bundle(1).digest
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(ValueError, match="is a symbolic link to nothing"):
        save_bundle(make_bundle(0), tmp_path / "nowhere")


def test_a_named_pipe_for_tensors_is_refused_at_once(teacher_folder):
    (teacher_folder / TENSORS).unlink()
    os.mkfifo(teacher_folder / TENSORS)
    with pytest.raises(ValueError, match="is not a regular file"):
        load_bundle(teacher_folder)
