import pytest

from agents import memory
from agents.memory import available_memory, refuse_too_large


def test_available_memory_is_what_the_system_says(tmp_path, monkeypatch):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  8000 kB\nMemAvailable:   4000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", meminfo)
    assert available_memory() == 4_096_000
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    assert available_memory() is None  # not Linux: nothing is refused
    refuse_too_large({"worlds": 10**18}, "")


def test_what_does_not_fit_is_refused_with_its_parts_the_largest_first(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 5_000_000_000)
    refuse_too_large({"worlds": 2_000_000_000, "rollout": 2_900_000_000}, "")
    with pytest.raises(ValueError, match="needs about") as refused:
        refuse_too_large({"worlds": 2_000_000_000, "rollout": 3_100_000_000}, "give fewer worlds")
    assert str(refused.value) == (
        "this needs about 5.1 GB of memory (rollout 3.1 GB, worlds 2.0 GB), "
        "but 5.0 GB are available; give fewer worlds"
    )
