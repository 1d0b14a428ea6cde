"""Mutants are run in a child process that may abort, hang or take all memory; what it was at is then found by halving."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from .targets import MEMORY, SLOW, Finding, Recipe, check, good, peak

BATCH = {"headers": 500, "loads": 10}
_STEP = 0.02  # seconds between looks at the child
_MORE = {"headers": 0.1, "loads": 1.0}  # seconds a mutant that a batch may take besides SLOW
_PATIENCE = 6  # times that, for a child that waits


def _child(pipe: Any, log: str) -> None:
    """Check batches until the pipe closes."""
    with open(log, "w") as file, suppress(EOFError):
        os.dup2(file.fileno(), 2)  # what codecs print
        faulthandler.enable(file)
        faulthandler.register(signal.SIGUSR1, file)
        good()
        pipe.send(peak())
        while True:
            recipes: Sequence[Recipe] = pipe.recv()
            pipe.send(check(recipes))


class Watch:
    """A child process, begun anew whenever it died."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.fuzz.ready"])
        self._log = tempfile.NamedTemporaryFile(prefix="dcmxarray-fuzz-")  # noqa: SIM115
        self._process: Any = None

    def _begin(self) -> None:
        self._pipe, other = self._context.Pipe()
        self._process = self._context.Process(target=_child, args=(other, self._log.name), daemon=True)
        self._process.start()
        other.close()
        self._base = self._pipe.recv()

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = None

    def ask(self, recipes: Sequence[Recipe]) -> list[Finding]:
        """What the child finds in a batch; its death, of the whole batch, is a finding too."""
        if self._process is None:
            self._begin()
        with suppress(EOFError, ConnectionError):
            self._pipe.send(list(recipes))
            law = self._watched(SLOW + len(recipes) * _MORE[recipes[0].kind])
            if not law:
                found: list[Finding] = self._pipe.recv()
                if any(f.place == "peak" for f in found):  # its mark stays where it is
                    self.close()
                return found
            os.kill(self._process.pid, signal.SIGUSR1)  # write down where it is
            time.sleep(1)
            return [Finding(law, self._buried(), "", tuple(recipes))]
        return [Finding("nothing aborts the interpreter", self._buried(), "", tuple(recipes))]

    def _watched(self, limit: float) -> str:
        """Wait for an answer; the law that is broken meanwhile."""
        until, worked = time.monotonic() + _PATIENCE * limit, _worked(self._process.pid) + limit
        while not self._pipe.poll(_STEP):
            if time.monotonic() > until or _worked(self._process.pid) > worked:
                return "nothing hangs"
            if _resident(self._process.pid) > self._base + 2 * MEMORY:
                return "memory stays bounded"
        return ""

    def _buried(self) -> str:
        """End the child; how, and where it was."""
        self._process.join(0.5)
        how = self._process.exitcode
        self.close()
        lines = Path(self._log.name).read_text(errors="replace").splitlines()
        if how == 1:
            raise RuntimeError("\n".join(["the fuzzer's own code failed", *lines[-30:]]))
        ours = [line for line in lines if "/dcmxarray/" in line]
        return f"{'killed' if how is None else f'exit {how}'} {ours[0].split('/dcmxarray/')[-1] if ours else '?'}"


def _worked(process: int) -> float:
    """Seconds of computing; a busy machine makes nothing a hang."""
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0


def _resident(process: int) -> int:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def examine(watch: Watch, recipes: Sequence[Recipe]) -> list[Finding]:
    """Findings of a batch, each with one mutant, or as few as break the law together."""
    found = watch.ask(recipes)
    whole = [f for f in found if len(f.recipes) > 1 and len(f.recipes) == len(recipes)]
    if not whole:
        return found
    half = len(recipes) // 2
    return [*examine(watch, recipes[:half]), *examine(watch, recipes[half:])] or whole


def shrunk(watch: Watch, finding: Finding) -> Finding:
    """The same finding with fewer mutations, dropped one by one."""
    if len(finding.recipes) > 1:
        return finding
    for step in finding.recipes[0].steps:
        recipe = finding.recipes[0]
        less = replace(recipe, kept=tuple(k for k in recipe.steps if k != step))
        found = [f for f in watch.ask([less]) if (f.law, f.place) == (finding.law, finding.place)]
        finding = found[0] if found else finding
    return finding


def hunt(watch: Watch, kind: str, seed: int, first: int, last: int) -> Iterator[list[Finding]]:
    """Findings of mutants ``first`` to ``last``, batch by batch."""
    for start in range(first, last, BATCH[kind]):
        yield examine(watch, [Recipe(kind, seed, n) for n in range(start, min(last, start + BATCH[kind]))])


def save(finding: Finding, folder: Path) -> Path:
    """Write the mutants of a finding; the first one's path."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for recipe in finding.recipes:
        paths.append(folder / f"{recipe.kind}-{recipe.seed}-{recipe.number}.dcm")
        paths[-1].write_bytes(recipe.made()[0])
    return paths[0]


def said(finding: Finding) -> str:
    """One line: the law, the place, and what makes the mutants again."""
    recipe = finding.recipes[0]
    more = f" (and {len(finding.recipes) - 1} more)" if len(finding.recipes) > 1 else ""
    return f"{finding.law}: {finding.place}: {finding.text} | {recipe}{more} {' '.join(recipe.made()[1])}".replace("\n", " ")
