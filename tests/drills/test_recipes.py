"""Every step of a recipe that is left out is told by its name, by what the project checks anyway."""

from pathlib import Path

import pytest

from tests.recipes import CHECKS, DIALECT, FIELD, Copy, Recipe

TOLD = {
    "The column": "pronouns",
    "The migration": "'contact', Column('pronouns'",
    "The type of the graph": "pronouns",
    "The input of the graph": "graph/schema/inputs/records.py writes what dialects do: {'pronouns'}",
    "Covalense": "docs/fields.md is not what",
    "Zoho": "docs/fields.md is not what",
    "CRM.COM": "docs/fields.md is not what",
    "CRM.COM's order of keys": "dialects/crmcom/response_formats.py has ['pronouns']",
    "Valomnia": "docs/fields.md is not what",
    "The folder": "cannot import name 'rolodex' from 'crmgraph.dialects'",
    "The word": "Actor(Door.ROLODEX)",
    "The import": "name 'rolodex' is not defined",
    "The entry": "DIALECTS of src/crmgraph/registry.py has no entry for ['Door.ROLODEX']",
    "The recorded exchanges": "tests/dialects/rolodex/exchanges has no recorded exchanges",
    "The page": "docs/dialects/rolodex.md",
    "The row": "docs/dialects/README.md has no row for rolodex",
    "What is generated": "is not what `python -m crmgraph.lineage` makes",
}
"""{step: what is said where it is left out}."""
GENERATED = ("schema.graphql", "docs/fields.md", "docs/losses.md")


@pytest.mark.parametrize("recipe", [FIELD, DIALECT], ids=lambda recipe: recipe.name)
def test_what_is_left_out_is_told_by_its_name(recipe: Recipe, tmp_path: Path) -> None:
    copy, steps = Copy(tmp_path / "copy"), recipe.steps()
    before = copy.kept()
    copy.carry_out(steps)
    *written, generated = steps
    # They stay as they were made of all steps, as they do where a line gets lost later.
    made = {copy.folder / name: (copy.folder / name).read_bytes() for name in GENERATED}
    for left_out in steps:
        copy.put_back(before)
        copy.carry_out([step for step in written if step is not left_out])
        for path, content in made.items() if left_out is not generated else ():
            path.write_bytes(content)
        done = copy.tests(*CHECKS)
        said = done.stdout + done.stderr
        assert done.returncode != 0, f"{left_out.title} was left out, and nobody noticed"
        assert TOLD[left_out.title] in said, f"{left_out.title}: {said[-4000:]}"
