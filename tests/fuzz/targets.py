"""The laws that every mutant is held to, as far as the process that runs it can tell; `watch` sees to the others."""

from __future__ import annotations

import io
import random
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
from pydicom.datadict import dictionary_VR

import dcmxarray as dx
from dcmxarray.attributes import VOCABULARY

from ..headers.test_scan_against_pydicom import agrees, as_list
from . import mutators
from .seeds import PROBLEM, REFUSED, crafted, images, seeds

SLOW = 10.0  # seconds
MEMORY = 1 << 30  # bytes, and twice the file
LARGEST = 1 << 20  # bytes of a mutant
ARRANGED = 50  # mutants of a batch of headers whose arrays are arranged
GOOD = "1.2.3.4.5"  # SeriesInstanceUID and key of the good series
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}


@dataclass(frozen=True)
class Recipe:
    """One mutant, by numbers: the seed first, then mutations, of which ``kept`` may leave some out.

    The first numbers are the crafted files and the seeds themselves.
    """

    kind: str
    seed: int
    number: int
    kept: tuple[int, ...] | None = None

    def _random(self, *more: int) -> random.Random:
        return random.Random(f"{self.kind} {self.seed} {self.number} {more}")

    @property
    def origin(self) -> tuple[str, bytes]:
        """What it starts from, and its name."""
        pool, made = seeds() if self.kind == "headers" else images(), list(crafted().items())
        if self.number < len(made):
            return made[self.number]
        place = self.number - len(made)
        place = place if place < len(pool) else self._random().randrange(len(pool))
        return f"seed {place}", pool[place]

    @property
    def steps(self) -> tuple[int, ...]:
        """The mutations, by number."""
        if self.number < len(crafted()) + len(seeds() if self.kind == "headers" else images()):
            return ()
        count = self._random(-1).choices([1, 2, 3, 6], [50, 30, 15, 5])[0]
        return tuple(range(count)) if self.kept is None else self.kept

    def made(self) -> tuple[bytes, list[str]]:
        """The mutant and its chain of mutators."""
        name, data = self.origin
        chain, table = [name], mutators.HEADER if self.kind == "headers" else mutators.PIXEL
        for step in self.steps:
            rng = self._random(step)
            mutator = rng.choice(table) if rng.random() > 0.05 else mutators.splice
            data = mutator(data, rng, seeds()) if mutator is mutators.splice else mutator(data, rng)  # type: ignore[call-arg]
            data = data[:LARGEST] if len(data) > 2 * LARGEST else data
            chain.append(mutator.__name__)
        return data, chain


@dataclass(frozen=True)
class Finding:
    """A law that was broken, where, and by which mutants."""

    law: str
    place: str
    text: str
    recipes: tuple[Recipe, ...] = ()


class Broken(Exception):  # noqa: N818
    """A law was broken."""

    def __init__(self, law: str, place: str, text: str) -> None:
        super().__init__(law)
        self.finding = Finding(law, place, text[:300])


def _place(error: BaseException) -> str:
    """The exception, and the last function of dcmxarray that it came through."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "/dcmxarray/" in f.filename]
    at = f"{ours[-1].filename.rsplit('/dcmxarray/')[-1]}:{ours[-1].name}" if ours else "?"
    return f"{type(error).__name__} in {at}"


@contextmanager
def _may_raise(law: str, *kinds: type[BaseException]) -> Iterator[None]:
    """Let some errors pass that are documented; any other breaks the law, and so does memory that ran out."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, Broken):
        raise
    except BaseException as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, MemoryError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None or not isinstance(error, kinds):
            raise Broken(law, _place(cause or error), str(error)) from error
        raise


@cache
def good() -> tuple[str, pd.DataFrame, Any]:
    """A good series beside every mutant: its folder, rows and values."""
    folder = tempfile.mkdtemp(prefix="dcmxarray-good-")
    frames = dx.testing.dce(slices=1, times=2, size=4)
    dx.testing.write_series(folder, [f | {"SeriesInstanceUID": GOOD, "PatientID": "GOOD"} for f in frames])
    rows = dx.scan(folder)
    return folder, rows, dx.open_series(rows).values


def _scan(paths: Sequence[str]) -> pd.DataFrame:
    """Scan mutants beside the good series, whose rows must not change; the mutants' rows."""
    folder, want, _ = good()
    with _may_raise("scan raises nothing"):
        table = dx.scan([*paths, folder], scheduler="synchronous")
    its = table[table["path"].str.startswith(folder)].reset_index(drop=True)
    try:
        if not its.equals(want):
            pd.testing.assert_frame_equal(its, want, check_dtype=False)
    except AssertionError as error:
        raise Broken("the good neighbour stays as it is", "scan", str(error)) from None
    outside = table["problem"].dropna().loc[lambda problems: problems.str.contains("(IndexError)", regex=False)]
    if len(outside):  # the scan makes a problem of every exception
        raise Broken("no read is out of bounds", "scan", outside.iloc[0])
    return table


def headers(recipes: Sequence[Recipe], folder: Path) -> list[Finding]:
    """Scan a batch, arrange some of it, and compare a part with pydicom."""
    made = {str(folder / f"{r.number}"): r.made()[0] for r in recipes}
    for path, data in made.items():
        Path(path).write_bytes(data)
    table = _scan(list(made))
    with _may_raise("a cohort raises nothing"):
        some = dx.open_cohort(table[table["path"].isin(list(made)[:ARRANGED])])
        repr(some)
        assert len(some.series) == len(some)
    rows = table.groupby("path").indices
    found = []
    for recipe, (path, data) in zip(recipes, made.items(), strict=True):
        try:
            if recipe.number % 3 == 0 or len(recipes) == 1:
                _compare(table.iloc[rows[path]] if path in rows else None, data)
        except Broken as broken:
            found.append(replace(broken.finding, recipes=(recipe,)))
    return found


def _compare(rows: pd.DataFrame | None, data: bytes) -> None:
    """What pydicom reads without a word has the same values here, or a problem says why not."""
    if len(data) > LARGEST:  # a bomb, for pydicom too
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=rows is not None)
        except Exception:  # noqa: BLE001  pydicom raises many kinds
            return
        if rows is None:
            if "SOPInstanceUID" in header and "Rows" in header:
                raise Broken("what pydicom reads is in the table", "no row", str(header.get("SOPClassUID")))
            return
        if len(rows) != 1 or rows["problem"].notna().any() or "PerFrameFunctionalGroupsSequence" in header:
            return
        guessed = "TransferSyntaxUID" not in header.file_meta
        if guessed and (data[128:132] == b"DICM" or not header.original_encoding[1]):  # big endian by its first group alone
            return
        row = rows.iloc[0]
        for attribute in VOCABULARY:
            got = [row[c] for c in attribute.columns]
            source = header.file_meta if attribute.keyword == "TransferSyntaxUID" else header
            try:
                want = source.get(attribute.keyword)
                lies = attribute.keyword in source and source[attribute.keyword].VR not in _usual(attribute.keyword)
                same = lies or not _is_plain(want) or agrees(attribute, got, want)
            except Exception:  # noqa: BLE001  not comparable
                continue
            if not same and (want or source is header):  # a transfer syntax may stand behind the file meta group
                raise Broken("values equal pydicom's", attribute.keyword, f"{got} is not {want!r}")


def _is_plain(value: Any) -> bool:
    """Whether a value needs no character set."""
    text = "".join(map(str, as_list(value)))
    return text.isascii() and text.isprintable()


@cache
def _usual(keyword: str) -> list[str]:
    """The VRs of an element; where another one is said, what its bytes mean is anyone's guess."""
    return dictionary_VR(keyword).split(" or ")


def loads(recipes: Sequence[Recipe], folder: Path) -> list[Finding]:
    """Scan some mutants; split, open and load every array of each."""
    made = {str(folder / f"{r.number}"): r for r in recipes}
    for path, recipe in made.items():
        Path(path).write_bytes(recipe.made()[0])
    table = _scan(list(made))
    beside = dx.open_cohort(table[table["path"].eq(next(iter(made))) | table["path"].str.startswith(good()[0])])
    with _may_raise("a cohort raises nothing"):
        assert "GOOD" in beside.tree()
        beside._repr_html_()
        problems = beside.series["problem"]
    if not np.array_equal(_loaded(beside, GOOD), good()[2]):
        raise Broken("the good neighbour stays as it is", "load", str(problems.get(GOOD)))
    found = []
    for path, recipe in made.items():
        try:
            _load(recipe, table[table["path"].eq(path)])
        except Broken as broken:
            found.append(replace(broken.finding, recipes=(recipe,)))
    return found


def _load(recipe: Recipe, table: pd.DataFrame) -> None:
    """The arrays of one mutant."""
    data, chain = recipe.made()
    with _may_raise("a cohort raises nothing"):
        cohort = dx.open_cohort(table)
        repr(cohort)
        problems = cohort.series["problem"]
    found = {key: array for key in cohort if (array := _loaded(cohort, key)) is not None}
    if chain[1:] and set(chain[1:]) <= {"cut_pixels"}:
        _same_as_whole(found, recipe)
    if chain[0].startswith(REFUSED) and found:
        raise Broken("what the file does not hold is not loaded", chain[0], "")
    if chain[0].startswith(PROBLEM) and not table["problem"].notna().any() and not problems.notna().any():
        raise Broken("what is no value is a problem", chain[0], "")
    _same_as_pydicom(cohort, data)


def _loaded(cohort: dx.Cohort, key: str) -> Any:
    """The values of an array, by dask or without; ``None`` where it raises what it may."""
    with suppress(dx.DcmxarrayError), _may_raise("only documented errors are raised", dx.DcmxarrayError):
        array = cohort.open(key, chunks="auto" if len(key) % 2 else None)
        repr(array)
        return array.load().values
    return None


@cache
def _whole(origin: bytes) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(origin)
        file.flush()
        cohort = dx.open_cohort(dx.scan(file.name))
        return {key: _loaded(cohort, key) for key in cohort}


def _same_as_whole(found: dict[str, Any], recipe: Recipe) -> None:
    """Of a file that ends early, what loads is what the whole file holds."""
    whole = _whole(recipe.origin[1])
    for key, values in found.items():
        if key in whole and not np.array_equal(values, whole[key], equal_nan=values.dtype.kind == "f"):
            raise Broken("a cut file loads its true pixels or raises", recipe.origin[0], f"{values.dtype} {values.shape}")


def _same_as_pydicom(cohort: dx.Cohort, data: bytes) -> None:
    """Native pixels that pydicom reads without a word are the same here, or an error."""
    if len(data) > LARGEST or len(cohort) != 1:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            header = pydicom.dcmread(io.BytesIO(data))
            plain = header.file_meta.TransferSyntaxUID in _NATIVE and header.BitsStored == header.BitsAllocated
            plain &= header.SamplesPerPixel == 1 and int(header.get("NumberOfFrames") or 1) == 1  # frames are sorted
            want = header.pixel_array if plain else None
            got = None if want is None else cohort.open(next(iter(cohort)), rescale=False).values.reshape(want.shape)
        except Exception:  # noqa: BLE001  pydicom raises many kinds, and we may raise where it reads
            return
    if got is not None and not np.array_equal(got, want, equal_nan=got.dtype.kind == "f"):  # type: ignore[arg-type]
        raise Broken("native pixels equal pydicom's", f"{header.BitsAllocated} bits", f"{got.shape}")


TARGETS: dict[str, Callable[[Sequence[Recipe], Path], list[Finding]]] = {"headers": headers, "loads": loads}


def check(recipes: Sequence[Recipe]) -> list[Finding]:
    """The laws that a batch of one kind breaks, each with as few mutants as halving leaves."""
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dcmxarray-fuzz-", dir=shared) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, start = peak(), time.process_time()
        try:
            found = TARGETS[recipes[0].kind](recipes, Path(folder))
        except Broken as broken:
            found = [replace(broken.finding, recipes=tuple(recipes))]
        took, more = time.process_time() - start, peak() - before
        size = sum(p.stat().st_size for p in Path(folder).iterdir())
    if more > MEMORY + 2 * size:
        return [Finding("memory stays bounded", "peak", f"{more >> 20} MiB more", tuple(recipes))]
    slow = [Finding("nothing takes long", "time", f"{took:.0f} s", tuple(recipes))] if took > SLOW else []
    if len(recipes) == 1 or (not slow and all(len(f.recipes) == 1 for f in found)):
        return found + slow
    half = len(recipes) // 2
    return [*check(recipes[:half]), *check(recipes[half:])] or found


def peak() -> int:
    """The most memory that this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
