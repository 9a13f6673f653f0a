from pathlib import Path

from experiments.demo_findings import findings

RECORDED = Path(__file__).parents[2] / "experiments" / "results" / "driving_transfer"


def test_a_demo_says_what_was_found_for_each_student_with_the_reports_numbers():
    van, skid_steer, trike, teacher = findings(RECORDED)
    assert van == (
        "van: after 98,304 steps, training from scratch succeeds in 77 % of the episodes and "
        "fine-tuning the teacher's policy in 97 %; before its first step the fine-tuned policy "
        "succeeds in 75 % (interquartile means of 10 seeds)."
    )
    assert skid_steer.startswith("skid_steer: ")
    assert trike.startswith("trike: ")
    assert "hatchback-driving was trained for 1,024,000 steps" in teacher
