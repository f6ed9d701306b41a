"""Runs that are killed, starved and misled, and what is left of their work.

    python -m benchmarks.torture [--kills 200]

`data` makes small data and models, `kills` kills, `faults` takes disks and inputs away, `process`
runs a command in a process of its own.
"""
