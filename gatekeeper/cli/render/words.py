"""The words of a problem, for views."""

from gatekeeper.cli.output import one_line
from gatekeeper.evidence import Problem
from gatekeeper.messages import render_message
from gatekeeper.messages.problems import PROBLEMS


def problem_words(problem: Problem) -> str:
    """One clean line; the code and the parameters for a problem that another version wrote."""
    try:
        words = render_message(problem, PROBLEMS)
    except (KeyError, IndexError, ValueError):
        words = f"{problem.code} {dict(problem.params)}"
    return one_line(words, 400)
