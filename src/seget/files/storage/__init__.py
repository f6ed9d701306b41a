"""What every format is read and written with, whatever its file looks like.

path or slices -> lazy arrays, files that appear whole, locks, journals, limits of memory

It never knows an image format: nothing here imports from the other folders of `seget.files`.
"""
