"""Muon: Adam, but that the kernels between features take steps of orthogonal matrices.

gradients of a network -> its weights, a step further

It never computes a gradient and knows no recipe. Adam divides every weight's step by that weight's
own size of gradient; Muon takes a kernel as a matrix, outputs times inputs, and makes all singular
values of its step equal, so that rare directions learn as fast as common ones. Sources: K. Jordan
and others, "Muon: an optimizer for hidden layers in neural networks", 2024; for the size of a step,
J. Liu and others, "Muon is scalable for LLM training", 2025, section 2.2. docs/results/trials.md
measures it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

FEWEST_CHANNELS = 8  # on either side of a kernel: those that touch images and scores have fewer
MOST_ROWS = 512  # of a matrix: larger ones, of FCN-8s, would take longer than the rest of a step
MOMENTUM = 0.95
STEP = 0.6  # root mean square of a step as a share of the rate; that of Adam is about 0.2
# Of a polynomial that brings singular values from (0, 1] to about 1 in five rounds.
ROUNDS, COEFFICIENTS = 5, (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Adam):
    """Adam for its groups, and before them a group of kernels that `hidden_kernels` chose.

    Parameters
    ----------
    kernels
        Which weights take orthogonal steps.
    weight_decay
        Times which a kernel is added to its gradient, as Adam does it.
    groups, adam
        Of `torch.optim.Adam`, for all other weights.
    """

    def __init__(
        self,
        kernels: Sequence[Tensor],
        weight_decay: float,
        groups: list[dict[str, Any]],
        **adam: Any,
    ) -> None:
        super().__init__([{"params": list(kernels), "weight_decay": weight_decay}, *groups], **adam)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step; all kernels must have gradients."""
        hidden, *others = self.param_groups
        self._step_of_kernels(hidden)
        self.param_groups = others
        try:
            return super().step(closure)
        finally:
            self.param_groups = [hidden, *others]

    def _step_of_kernels(self, group: dict[str, Any]) -> None:
        kernels: list[Tensor] = group["params"]
        for kernel in kernels:
            if not self.state[kernel]:
                # Adam, when it loads a state, wants a count of steps in each.
                made = torch.zeros((), device=kernel.device)
                self.state[kernel] = {"step": made, "momentum": torch.zeros_like(kernel)}
        states = [self.state[kernel] for kernel in kernels]
        torch._foreach_add_([state["step"] for state in states], 1)
        momenta = [state["momentum"] for state in states]
        gradients = [kernel.grad for kernel in kernels if kernel.grad is not None]
        gradients = list(torch._foreach_add(gradients, kernels, alpha=group["weight_decay"]))
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        ahead = torch._foreach_lerp(gradients, momenta, MOMENTUM)  # Nesterov's
        steps = orthogonal([_as_matrix(step) for step in ahead])
        for kernel, step in zip(kernels, steps, strict=True):
            size = STEP * max(step.shape) ** 0.5 * group["lr"]
            kernel.sub_(_as_kernel(step * size, kernel))


def hidden_kernels(kernels: Sequence[Tensor]) -> list[Tensor]:
    """Return those of a network's kernels that lie between features and features."""
    return [
        kernel
        for kernel in kernels
        if min(kernel.shape[:2]) >= FEWEST_CHANNELS
        and min(len(kernel), kernel[0].numel()) <= MOST_ROWS
    ]


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Return for each matrix about U V^T of its singular value decomposition U S V^T.

    By Newton-Schulz iterations: each multiplies by a polynomial of x x^T, which has the singular
    vectors of x. So they are done with x x^T alone, the smaller square, in batches of equal size,
    and their product is applied to x once. Singular values come out between about 0.7 and 1.2, and
    smaller where they were below a hundredth of the matrix' norm.
    """
    norms = torch._foreach_norm(list(matrices))
    units = [m / (norm + 1e-12) for m, norm in zip(matrices, norms, strict=True)]
    wide = [unit if unit.shape[0] <= unit.shape[1] else unit.T for unit in units]
    by_rows: dict[int, list[int]] = defaultdict(list)
    for number, unit in enumerate(wide):
        by_rows[len(unit)].append(number)
    found: dict[int, Tensor] = {}
    for numbers in by_rows.values():
        factors = _factors(torch.stack([wide[n] @ wide[n].T for n in numbers]))
        for n, factor in zip(numbers, factors, strict=True):
            turned = factor @ wide[n]
            found[n] = turned if wide[n] is units[n] else turned.T
    return [found[n] for n in range(len(units))]


def _factors(squares: Tensor) -> Tensor:
    """Return for each x x^T, `(k, n, n)`, the product of the polynomials to apply to x."""
    a, b, c = COEFFICIENTS
    one = torch.eye(squares.shape[-1], dtype=squares.dtype, device=squares.device)
    product = one.expand_as(squares)
    for _ in range(ROUNDS):
        polynomial = torch.baddbmm(a * one + b * squares, squares, squares, alpha=c)
        product = polynomial @ product
        squares = polynomial @ squares @ polynomial
    return product


def _as_matrix(kernel: Tensor) -> Tensor:
    """Return `(n, m)` from a kernel `(n, inputs, h, w)`; without a copy if it is channels last."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)


def _as_kernel(matrix: Tensor, like: Tensor) -> Tensor:
    n, inputs, height, width = like.shape
    return matrix.reshape(n, height, width, inputs).permute(0, 3, 1, 2)
