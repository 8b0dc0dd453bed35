"""Writes `docs/fields.md` and `docs/losses.md` anew: `python -m crmgraph.lineage [folder]`."""

import sys
from pathlib import Path

from crmgraph.lineage.pages import fields_page, losses_page

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
(folder / "fields.md").write_text(fields_page(), encoding="utf-8")
(folder / "losses.md").write_text(losses_page(), encoding="utf-8")
