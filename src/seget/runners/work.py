"""What is done with each task, and what becomes of a task whose worker is lost.

function -> Work

It never runs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from seget.errors import RunError

Task = TypeVar("Task")
Result = TypeVar("Result")

MOST_LOSSES = 3  # of the workers of one task; after one more it is taken for the task's own fault


@dataclass(frozen=True)
class Work(Generic[Task, Result]):
    """A function, and what else a runner must know to do many tasks.

    Attributes
    ----------
    do
        What a worker does with a task. It is sent to the workers; the others stay here.
    after
        From a task that is done and its result to tasks that can be done now. They come before
        those that wait.
    lost
        From a task and a sentence to what stands for its result when its workers were lost too
        often; None: then RunError is raised.
    tell
        Is told sentences for people: where the dashboard is.
    """

    do: Callable[[Task], Result]
    after: Callable[[Task, Result], Sequence[Task]] | None = None
    lost: Callable[[Task, str], Result] | None = None
    tell: Callable[[str], None] | None = None

    def follow(self, task: Task, result: Result) -> Sequence[Task]:
        """Return the tasks that can be done now that this one is."""
        return self.after(task, result) if self.after is not None else ()

    def give_up(self, task: Task, losses: int) -> Result:
        """Return what stands for the result of a task whose workers were lost.

        Raises
        ------
        RunError
            Nothing does.
        """
        sentence = (
            f"the process that worked on it was ended {losses} times from outside, perhaps because "
            "memory ran out; give it more, or a smaller --max-memory, and run the same command "
            "again: what is finished is kept."
        )
        if self.lost is None:
            raise RunError(f"{task}: {sentence}")
        return self.lost(task, sentence)

    def say(self, sentence: str) -> None:
        """Tell a person something."""
        if self.tell is not None:
            self.tell(sentence)
