"""What other programs open: meshes, models, particles, a view.

Measurement + folder -> .glb, .stl, .mod, .star, .json, view.cxc

It never measures. `meshes` is for ChimeraX, Blender and others, `imod_models` for 3dmod,
`particles` for RELION, `copick_picks` for copick, `chimerax` opens all of it at once.
"""

from seget.measurement.outputs.chimerax import write_view
from seget.measurement.outputs.copick_picks import write_picks
from seget.measurement.outputs.imod_models import write_models
from seget.measurement.outputs.meshes import write_meshes
from seget.measurement.outputs.particles import write_particles

__all__ = ["write_meshes", "write_models", "write_particles", "write_picks", "write_view"]
