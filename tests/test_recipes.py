"""The recipes of the documentation are carried out as they are written, on a copy of the tree.

`tests/drills/test_recipes.py` leaves out each of their steps.
"""

from pathlib import Path

import pytest

from tests.recipes import CHECKS, DIALECT, FIELD, Copy, Recipe


@pytest.mark.parametrize("recipe", [FIELD, DIALECT], ids=lambda recipe: recipe.name)
def test_the_recipe_does_what_it_says(recipe: Recipe, tmp_path: Path) -> None:
    copy = Copy(tmp_path / "copy")
    copy.carry_out(recipe.steps())
    done = copy.tests(f"tests/recipes/{recipe.name}.py", *CHECKS)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
