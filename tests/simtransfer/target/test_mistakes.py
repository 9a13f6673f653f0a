"""What nobody can be driven or served by is refused in one line."""

import pytest

from simtransfer.cli import main

DRIVER = "hatchback-driving"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["deploy", DRIVER, "--target", "udp://127.0.0.1:1"], "no robot answers"),
        (["deploy", DRIVER, "--target", "127.0.0.1:900"], "is no target; give udp://HOST:PORT"),
        (["deploy", DRIVER, "--target", "udp://127.0.0.1:99999"], "is no target"),
        (["deploy", DRIVER, "--target", "udp://a:1", "--give-up", "0"], "give_up must be"),
        (["deploy", "hatchback-drivin", "--target", "udp://a:1"], "did you mean"),
        (["target", "serve", "hatchbak"], "did you mean 'hatchback'"),
        (["target", "serve", "--loss", "1"], "loss must be from 0 to below 1"),
        (["target", "serve", "--lockstep", "--delay", "0.1"], "in lockstep nothing is late"),
        (["target", "serve", "--speed", "nan"], "speed must be positive"),
        (["target", "serve", "--suite", "mixd"], "did you mean 'mixed'"),
        (["target", "serve", "--episodes", "0"], "episodes must be at least 1"),
        (["target", "serve", "--port", "70000"], "port must be from 0 to 65535"),
        (["target", "serve", "--host", "300.1.1.1"], "cannot listen at 300.1.1.1"),
        (["target"], "did you mean 'target serve'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, said, monkeypatch, capsys):
    monkeypatch.setattr("simtransfer.target.client.ANSWER_WITHIN", 0.3)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""
