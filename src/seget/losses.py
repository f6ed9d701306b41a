"""What training minimises: equations 1 to 5 and the adaptive sample-wise weight.

logits, target, labelled -> one number

Pure functions of tensors `(b, k, h, w)`, k structures. Unlabelled pixels count nowhere. It never
knows a recipe or a network's name. Paper: section 2.2, and 3.2 for the weight.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# Added to both parts of eq. 4: predicted foreground has a gradient even where the target is empty.
SMOOTH = 1.0


def binary_cross_entropy(
    logits: Float[Tensor, "b k h w"], target: Float[Tensor, "b k h w"]
) -> Float[Tensor, "b k h w"]:
    """Binary cross entropy of each pixel from its logit y, in a form that cannot overflow (eq. 3).

    logaddexp(y, 0) is max(y, 0) + log(1 + exp(-|y|)), and its gradient is exact at y = 0 too.
    """
    return torch.logaddexp(logits, torch.zeros_like(logits)) - logits * target


def adaptive_weight(
    target: Float[Tensor, "b k h w"], labelled: Float[Tensor, "b k h w"], cap: float | None
) -> Float[Tensor, "b k h w"]:
    """Weight of each pixel (3.2): foreground min(B/F, cap), background 1, unlabelled 0.

    B and F are the background and foreground pixels among the labelled ones of that very patch
    and structure. Without any background there is no ratio: B/F would be 0 and the patch would
    teach nothing, so its pixels weigh 1. `cap` None means no weighting: every labelled pixel
    weighs 1. A pixel that is foreground in part (`at_stride`) weighs in proportion.
    """
    if cap is None:
        return labelled
    foreground = (target * labelled).sum(dim=(2, 3), keepdim=True)
    background = labelled.sum(dim=(2, 3), keepdim=True) - foreground
    # Where F is 0 no pixel takes the ratio; the clamp only keeps it finite.
    ratio = (background / foreground.clamp(min=1)).clamp(max=cap)
    weighted = torch.where(background > 0, ratio, torch.ones_like(ratio))
    return labelled * (target * weighted + (1 - target))


def weighted_cross_entropy(
    logits: Float[Tensor, "b k h w"],
    target: Float[Tensor, "b k h w"],
    labelled: Float[Tensor, "b k h w"],
    cap: float | None = None,
) -> Float[Tensor, " k"]:
    """Sum of weight * cross entropy / number of labelled pixels, for each structure (L_b)."""
    weight = adaptive_weight(target, labelled, cap)
    total = (weight * binary_cross_entropy(logits, target)).sum(dim=(0, 2, 3))
    return total / labelled.sum(dim=(0, 2, 3)).clamp(min=1)


def jaccard(
    probability: Float[Tensor, "b k h w"],
    target: Float[Tensor, "b k h w"],
    labelled: Float[Tensor, "b k h w"],
) -> Float[Tensor, " k"]:
    """Jaccard coefficient over all labelled pixels of the batch, for each structure (eq. 4)."""
    y = (probability * labelled).sum(dim=(0, 2, 3))
    t = (target * labelled).sum(dim=(0, 2, 3))
    both = (probability * target * labelled).sum(dim=(0, 2, 3))
    return (both + SMOOTH) / (y + t - both + SMOOTH)


def jaccard_distance(
    probability: Float[Tensor, "b k h w"],
    target: Float[Tensor, "b k h w"],
    labelled: Float[Tensor, "b k h w"],
) -> Float[Tensor, " k"]:
    """One minus the Jaccard coefficient, for each structure (eq. 5)."""
    return 1 - jaccard(probability, target, labelled)


def regulariser(network: nn.Module) -> Tensor:
    """Sum of the squares of all convolution kernels (psi of eq. 1), not of biases and norms.

    Those of transposed convolutions, which U-Net has, are kernels like the others.
    """
    return sum_of_squares(regularised(network))


def regularised(network: nn.Module) -> list[Tensor]:
    """Return the kernels whose squares `regulariser` sums."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [module.weight for module in network.modules() if isinstance(module, kinds)]


def sum_of_squares(kernels: list[Tensor]) -> Tensor:
    """Return psi of the kernels that `regularised` found: finding takes as long as summing."""
    if kernels[0].is_cuda:  # two kernels of CUDA a convolution cost more than the sums
        return torch.stack(torch._foreach_norm(kernels)).square().sum()
    return torch.stack([kernel.square().sum() for kernel in kernels]).sum()


def segmentation_loss(
    logits: Float[Tensor, "b k h w"],
    target: Float[Tensor, "b k h w"],
    labelled: Float[Tensor, "b k h w"],
    cap: float | None = None,
) -> Float[Tensor, ""]:
    """L_b + L_j of eq. 1, averaged over the structures; the regulariser is added by training.

    Computed in float32 at least, whatever the logits' precision: a sum of 10^5 bf16 numbers is
    right to two digits only.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    distance = jaccard_distance(torch.sigmoid(logits), target, labelled)
    return (weighted_cross_entropy(logits, target, labelled, cap) + distance).mean()


def at_stride(
    target: Float[Tensor, "b k h w"],
    labelled: Float[Tensor, "b k h w"],
    stride_px: int,
    size: tuple[int, int],
) -> tuple[Float[Tensor, "b k y x"], Float[Tensor, "b k y x"]]:
    """Return target and labelled as coarse logits see them, each between 0 and 1.

    A coarse pixel is as much foreground as its labelled pixels are, and as much labelled as its
    pixels are. Where the coarse logits of `size` reach beyond the patch, nothing is labelled.
    """
    height, width = target.shape[-2:]
    margin = 0, size[1] * stride_px - width, 0, size[0] * stride_px - height
    known, foreground = (
        functional.avg_pool2d(functional.pad(part, margin), stride_px)
        for part in (labelled, target * labelled)
    )
    return foreground / known.clamp(min=torch.finfo(known.dtype).tiny), known


def batch_sums(
    logits: Float[Tensor, "b k h w"],
    target: Float[Tensor, "b k h w"],
    labelled: Float[Tensor, "b k h w"],
    cap: float | None = None,
) -> Float[Tensor, "5 k"]:
    """Return the sums that the loss is made of: those of the parts of a batch add up.

    Weighted cross entropy, labelled pixels, and of eq. 4 prediction, target and both.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    probability = torch.sigmoid(logits)
    weight = adaptive_weight(target, labelled, cap)
    terms = (
        weight * binary_cross_entropy(logits, target),
        labelled,
        probability * labelled,
        target * labelled,
        probability * target * labelled,
    )
    return torch.stack([term.sum(dim=(0, 2, 3)) for term in terms])


def loss_of_sums(sums: Float[Tensor, "5 k"]) -> Float[Tensor, ""]:
    """Return `segmentation_loss` of a whole batch from its `batch_sums`."""
    entropy, pixels, y, t, both = sums
    distance = 1 - (both + SMOOTH) / (y + t - both + SMOOTH)
    loss: Tensor = (entropy / pixels.clamp(min=1) + distance).mean()
    return loss
