"""How fast seget is, each claim against the plain way in the same run.

    make bench        under 15 minutes; writes build/bench.json and prints it as a table
    make bench-long   memory of 76 and of 608 slices, and nothing else

Every side of a comparison is a process of its own (`worker`), so that no side inherits the other's
memory or threads; they take turns (`turns`), so that what else the machine does hits both.
"""
