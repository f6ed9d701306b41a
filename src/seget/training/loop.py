"""The training loop, on one screen.

Dataset + structures + Recipe + Run -> Trained

It never prints and never draws: it reports to a listener. Paper: section 3.2.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from torch import nn

from seget import files
from seget.dataset import Dataset
from seget.device import choose_device
from seget.errors import InputError
from seget.listener import Listener
from seget.networks import Architecture
from seget.recipes import Recipe
from seget.samples import Samples
from seget.trained import Trained, load, weights_sha256
from seget.training.alarm import Alarm
from seget.training.best_model import chosen_anew, model_of
from seget.training.checkpoints import Checkpoints
from seget.training.clock import Clock
from seget.training.held_out import HeldOut, validation_slices
from seget.training.initial_weights import InitialWeights, initial_weights
from seget.training.interpolation import SHARE, nearer_the_start
from seget.training.interruption import in_one_piece, stopping_together
from seget.training.ranks import ALONE, Ranks
from seget.training.run_folder import (
    MODEL,
    Row,
    Run,
    holds_run,
    remove_run,
    saying_when_full,
    write_log,
)
from seget.training.state import State
from seget.training.stepper import stepper_for
from seget.training.steps import take_epoch
from seget.training.validation import Validation, judged, judged_as_predicted, taught_nothing

LAST = (
    "{} taught nothing, so the last validation, which chooses thresholds, is of the model adapted "
    "to it, as seget predict adapts it (docs/adaptation.md)."
)


def train(
    dataset: Dataset,
    structures: tuple[str, ...],
    recipe: Recipe,
    run: Run,
    listener: Listener | None = None,
    ranks: Ranks = ALONE,
) -> Trained:
    """Train one network with an output a structure; return the best by validation mIOU.

    A checkpoint is written every `run.checkpoint_minutes`, after each epoch, and on a
    KeyboardInterrupt. A resumed run gives the same weights as an undisturbed one, bit for bit on
    one CPU; not with `run.max_minutes`, because the schedule then follows the time. Of several
    `ranks` each calls this; the first one validates, writes and listens.

    Raises
    ------
    InputError
        The folder holds another run, a structure is unknown or has no foreground to learn, or a
        batch has fewer patches than there are ranks.
    RunError
        The loss became infinite or NaN (`Diverged`), another process trains in the folder,
        the disk is full, the memory does not hold one patch, or another rank ended.
    """
    listener = listener or Listener()
    _check_structures(dataset, structures, recipe)
    _check_ranks(recipe, ranks)
    architecture = Architecture.of(recipe, len(structures))
    begin = initial_weights(architecture, structures, run.seed, run.start) if run.start else None
    samples = Samples(dataset, structures, recipe, run.seed)
    samples.part = ranks.rank, ranks.size
    weights, device = begin.tensors if begin else None, choose_device(run.device)
    state = State(recipe, len(structures), run.seed, device, weights, ranks=ranks)
    clock = Clock(recipe, samples.steps_per_epoch, run.max_minutes, run.stop_after_epochs)
    if not ranks.first:
        _follow(samples, state, clock)
        return load(run.folder / MODEL)
    checkpoints = Checkpoints(
        run.folder, run.checkpoint_minutes, _run_inputs(dataset, samples, run.start)
    )
    with saying_when_full(run.folder), files.only_one(run.folder), ranks.following():
        _open_folder(run, state, checkpoints, listener)
        state.share()
        if state.finished:
            listener.note(f"{run.folder}: this run is finished; nothing is left to do.")
        elif begin and not state.step:
            listener.note(f"{run.folder}: begins from a trained model, {begin.text}.")
        _learn(dataset, samples, state, clock, checkpoints, listener, begin)
        ranks.any(False)  # the others may read the model from here on
        return load(run.folder / MODEL)


def _learn(
    dataset: Dataset,
    samples: Samples,
    state: State,
    clock: Clock,
    checkpoints: Checkpoints,
    listener: Listener,
    begin: InitialWeights | None,
) -> None:
    """Train epoch by epoch until the clock or the patience ends it; save what a Ctrl-C leaves."""
    if state.finished:
        return
    try:
        with stopping_together(state.gradients.ranks):
            _epochs(dataset, samples, state, clock, checkpoints, listener, begin)
    except KeyboardInterrupt:
        if state.whole:
            checkpoints.save(state)
        raise


def _epochs(
    dataset: Dataset,
    samples: Samples,
    state: State,
    clock: Clock,
    checkpoints: Checkpoints,
    listener: Listener,
    begin: InitialWeights | None,
) -> None:
    folder, structures = checkpoints.folder, samples.structures
    ranks = state.gradients.ranks
    held_out = validation_slices(dataset, samples)
    alarm = Alarm(dataset, samples)
    for sentence in (*samples.notes(), *alarm.at_start(held_out)):
        listener.note(sentence)
    stepper = stepper_for(state, samples, listener.note)
    while not state.finished:
        loss = take_epoch(state, samples, clock, listener, checkpoints, stepper)
        before_s = state.elapsed_s
        validation = judged(state.average, state, structures, held_out)
        row = _row(state, loss, validation, state.elapsed_s - before_s)
        ranks.agreed(row["miou"])
        with in_one_piece(state, listener):
            if (
                not row["miou"] <= state.best
            ):  # better, or nan: nothing to judge by, keep the newest
                state.best = row["miou"]
                made_by = checkpoints.run_inputs
                if begin and begin.before:
                    made_by = {**made_by, "before": begin.before}
                model_of(state, samples, validation, made_by).save(folder / MODEL)
            stop = state.callbacks.after_epoch(row["miou"])
            state.rows.append(row)
            state.losses.begin()
            state.finished = stop or clock.is_over(state)
            ranks.agreed(state.finished)
            if state.finished:
                _choose_last(folder, begin, state, held_out, listener)
            write_log(folder, state.rows)
            checkpoints.save(state)
        listener.epoch(row)
        for sentence in alarm.after_epoch(validation.under({})):
            listener.note(sentence)


def _choose_last(
    folder: Path,
    begin: InitialWeights | None,
    state: State,
    held_out: list[HeldOut],
    listener: Listener,
) -> None:
    """Let the held-out slices choose how near the start the run's model is, and its thresholds."""
    best = trained = load(folder / MODEL)
    # A run that was killed before the checkpoint that says it is finished may have gone back.
    if begin and best.recipe.weight_interpolation and SHARE not in best.provenance:

        def judged_network(network: nn.Module) -> Validation:
            return judged(network.to(state.device.torch), state, best.structures, held_out)

        trained, sentence = nearer_the_start(best, state.best, begin, judged_network)
        if sentence:
            listener.note(f"{folder}: {sentence}.")
    if unseen := [one[0].name for one in held_out if taught_nothing(trained, one)]:
        trained = chosen_anew(trained, judged_as_predicted(trained, state, held_out, unseen))
        listener.note(f"{folder}: {LAST.format(', '.join(unseen))}")
    if trained is not best:
        trained.save(folder / MODEL)


def _follow(samples: Samples, state: State, clock: Clock) -> None:
    """Train with the first rank, which decides when an epoch and the training end."""
    ranks = state.gradients.ranks
    with ranks.following(), stopping_together(ranks):
        state.share()
        stepper = stepper_for(state, samples, Listener().note)
        while not state.finished:
            take_epoch(state, samples, clock, Listener(), stepper=stepper)
            state.callbacks.after_epoch(ranks.agreed(math.nan))
            state.losses.begin()
            state.finished = bool(ranks.agreed(0))
        ranks.any(False)


def _row(state: State, loss: float, validation: Validation, validation_s: float) -> Row:
    """Return an epoch's line of log.csv."""
    row: Row = {
        "epoch": len(state.rows) + 1,
        "loss": loss,
        "miou": validation.miou,
        "step": state.step,
        "learning_rate": state.rate,
        "elapsed_s": round(state.elapsed_s, 1),
        "validation_s": round(validation_s, 2),
    }
    if len(validation.histograms) > 1:
        row |= {f"miou_{s}": validation.counts(s).miou for s in validation.histograms}
    return row


def _check_structures(dataset: Dataset, structures: tuple[str, ...], recipe: Recipe) -> None:
    dataset.demand(structures)
    if recipe.name == "paper" and len(structures) > 1:
        raise InputError(
            "--recipe paper --joint: the paper's recipes differ by structure; "
            "leave out --joint, or use --recipe modern."
        )


def _check_ranks(recipe: Recipe, ranks: Ranks) -> None:
    if recipe.batch_size < ranks.size:
        raise InputError(
            f"--devices {ranks.size}: a batch has {recipe.batch_size} patches; give each process "
            f"one at least: fewer --devices, or --set batch_size={ranks.size}."
        )


def _run_inputs(dataset: Dataset, samples: Samples, start: Trained | None) -> dict[str, Any]:
    """Return what identifies a run: it can be resumed only if all of this is the same."""
    return {
        "dataset": dataset.name,
        "structures": list(samples.structures),
        "seed": samples.seed,
        "recipe": samples.recipe.model_dump(mode="json"),
        "data": dataset.identity(samples.structures),
        "start": start
        and {
            "structures": list(start.structures),
            "weights_sha256": weights_sha256(start.network),
        },
    }


def _open_folder(run: Run, state: State, checkpoints: Checkpoints, listener: Listener) -> None:
    """Refuse a folder that holds a run, or remove that run, or resume it."""
    if holds_run(run.folder) and not (run.resume or run.overwrite):
        raise InputError(
            f"{run.folder}: holds a training run; go on with --resume, or start anew with "
            "--overwrite."
        )
    if run.overwrite and not run.resume:
        remove_run(run.folder)
    if run.resume and checkpoints.restore(state, listener.note):
        # Killed between model.safetensors and model.json: the next epoch must write the model anew.
        if not _is_whole(run.folder / MODEL):
            state.best = -math.inf
        if not state.finished:  # drop rows that were written after the checkpoint
            write_log(run.folder, state.rows)


def _is_whole(model: Path) -> bool:
    try:
        load(model)
    except InputError:
        return False
    return True
