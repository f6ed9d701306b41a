"""What `seget convert` changes in a volume, and what it has to leave behind.

Volume + type or range -> Volume; path + Volume -> sentences

It never changes a number without being told to, and never reads a voxel before it is asked for one.
"""
