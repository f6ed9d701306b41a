"""Speaks with the process that predicts.

request -> process -> answers, when they are there

It never waits for an answer, and never imports torch.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from typing import IO, Any

DIED = "the process that predicts has ended; press again, which starts another"
KEPT_LINES = 20  # of what it printed last, for the sentence when it dies


class Worker:
    """The process, started with the first request and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._asked = 0
        self._open: set[int] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a request has no last answer yet."""
        return bool(self._open)

    def ask(self, do: str, **what: Any) -> int:
        """Send a request; return its number, which the answers have as `id`."""
        process = self._running()
        self._asked += 1
        self._open.add(self._asked)
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"id": self._asked, "do": do, **what}) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):  # it died a moment ago: `poll` says so
            self._answers.put({"id": self._asked, "error": DIED})
        return self._asked

    def poll(self) -> list[dict[str, Any]]:
        """Return the answers since the last call; `error` is a sentence for people."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return found
            if answer.get("died") is not None:
                if answer["died"] is self._process:
                    found += [{"id": one, "error": answer["error"]} for one in sorted(self._open)]
                    self._open.clear()
                continue
            if "error" in answer or answer.get("ended"):
                self._open.discard(answer["id"])
            found.append(answer)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "seget.viewer.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        return self._process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        said: list[str] = []
        assert process.stdout is not None and process.stderr is not None
        threading.Thread(target=_keep_last, args=(process.stderr, said), daemon=True).start()
        with process.stdout as lines:
            for line in lines:
                self._answers.put(json.loads(line))
        process.wait()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # what was asked and not read
            process.stdin.close()
        why = f" ({said[-1]})" if said else ""
        self._answers.put({"died": process, "error": f"{DIED}{why}."})


def _keep_last(lines: IO[str], said: list[str]) -> None:
    with lines:
        for line in lines:
            if line.strip():
                said.append(line.strip())
            del said[:-KEPT_LINES]
