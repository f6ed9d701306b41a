"""Write the table of docs/networks.md, or say with --check that it is out of date.

seget.networks -> the lines between the markers of docs/networks.md; the rest is written by hand
"""

from __future__ import annotations

import sys
from pathlib import Path

from seget.networks import NETWORKS, Architecture

PAGE = Path(__file__).with_name("networks.md")
BEGIN = "<!-- Written by docs/networks_page.py; do not edit by hand. -->\n"
END = "<!-- End of what is written. -->\n"


def table() -> str:
    """Return one row a network: what it is called, what it costs, how far it sees."""
    rows = [
        "| network | name | parameters | GFLOP (512 x 512 px) | share | multiple, px | halo, px |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    seget_gflop = Architecture("seget").cost().gflop
    for name in NETWORKS:
        network = Architecture(name)
        price = network.cost()
        cells = (
            network.title,
            f"`{name}`",
            f"{price.parameters:,}",
            f"{price.gflop:.1f}",
            f"{price.gflop / seget_gflop:.0%}",
            f"{network.multiple}",
            f"{network.halo_px}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """Return the page with its table made anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        sys.exit("docs/networks.md has lost its markers: take it from the last commit.")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/networks.md is not what the networks say: run docs/networks_page.py.")
