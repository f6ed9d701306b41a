"""Table 1 of the paper on any dataset: networks against each other, each at its best.

dataset.toml + Settings -> cells -> table and report

It trains through `training`, scores and draws through `evaluation`, and never prints. `plan` says
what is trained, `cell` does one, `journal` keeps what is done, `table` makes the numbers,
`pictures` chooses what is shown, `compare` is the story.
"""

from seget.comparison.cell import Place, run_cell
from seget.comparison.compare import Observer, compare
from seget.comparison.plan import Cell, Fight, Settings

__all__ = ["Cell", "Fight", "Observer", "Place", "Settings", "compare", "run_cell"]
