"""Folds batch normalisation into the convolutions before it, for prediction.

trained network -> a copy with fewer layers and the same logits to rounding

It never changes the network it is given.
"""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def folded(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode, without the normalisations that follow a convolution."""
    made = copy.deepcopy(network).eval()
    for block in made.modules():
        if not isinstance(block, nn.Sequential):
            continue
        for (place, one), (after, other) in pairwise(list(block.named_children())):
            if isinstance(one, CONVOLUTIONS) and isinstance(other, nn.BatchNorm2d):
                transposed = isinstance(one, nn.ConvTranspose2d)
                with torch.no_grad():
                    block._modules[place] = fuse_conv_bn_eval(one, other, transposed)
                block._modules[after] = nn.Identity()
    return made.requires_grad_(False)
