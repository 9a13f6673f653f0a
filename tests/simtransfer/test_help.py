"""Every option of every command has a text of its own."""

import inspect
import re

import pytest

from simtransfer.cli import COMMANDS, main


def options(text):
    """Options of a help page in one column with their texts, defaults left out."""
    found, name = {}, None
    for line in text.splitlines():
        body = re.sub(r"^(│ |  )", "", line.rstrip("│ "))  # without Unicode there is no frame
        if re.match(r"--?[a-z]", body):
            flags, _, beside = re.sub(r"^-h, ", "", body).partition("  ")
            name = re.split(r"[ ,]", flags)[0]
            found[name] = beside.strip()
        elif not body.startswith("  "):
            name = None
        elif name:
            found[name] = f"{found[name]} {body.strip()}".strip()
    return {
        name: re.sub(r"\((default:|unset by|required|repeatable).*", "", body).strip()
        for name, body in found.items()
    }


def page(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*command.split(), "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_option_says_what_it_is(command, capsys, monkeypatch):
    found = options(page(command, capsys, monkeypatch))
    assert "--help" in found
    assert len(found) > 1
    empty = [name for name, text in found.items() if len(text) < 6]
    assert not empty
    texts = list(found.values())
    twice = [name for name, text in found.items() if texts.count(text) > 1]
    assert not twice


def flat(text):
    return " ".join(re.sub(r"[│╭╰╮╯─]", " ", text).split())


@pytest.mark.parametrize("command", ["train", "transfer", "compare"])
def test_no_text_of_a_hyperparameter_is_cut(command, capsys, monkeypatch):
    from agents.settings import PPOSettings
    from tests.documentation_tables import attributes

    shown = flat(page(command, capsys, monkeypatch))
    for name, meaning in attributes(PPOSettings).items():
        assert meaning.replace("`", "") in shown.replace("`", ""), name


def test_options_are_described_by_the_command_that_has_them(capsys, monkeypatch):
    assert (
        "known of the parameters before"
        in options(page("identify", capsys, monkeypatch))["--prior"]
    )
    recorded = options(page("record", capsys, monkeypatch))["--randomization"]
    assert "recorded robot" in recorded
    assert recorded != options(page("evaluate", capsys, monkeypatch))["--randomization"]
    for command in COMMANDS.values():
        assert inspect.getdoc(command)
