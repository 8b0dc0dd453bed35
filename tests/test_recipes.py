"""The recipes of the documentation are carried out as they are written, on a copy of the tree.

`tests/drills/test_recipes.py` leaves out each of their steps.
"""

from pathlib import Path

from tests.recipes import CHECKS, DIALECT, FIELD, Copy


def test_the_recipes_do_what_they_say(tmp_path: Path) -> None:
    """One after the other, on one copy. What the project checks anyway is checked once, of both."""
    copy = Copy(tmp_path / "copy")
    for recipe, checks in ((FIELD, ()), (DIALECT, CHECKS)):
        copy.carry_out(recipe.steps())
        done = copy.tests(f"tests/recipes/{recipe.name}.py", *checks)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
