"""Reading a whole checkpoint again and comparing it with its manifest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from live_whisper.errors import one_line
from live_whisper.hub.checksums import file_checksums
from live_whisper.hub.manifest import InstalledModel, StoredFile


@dataclass(frozen=True, slots=True)
class FileProblem:
    """What is wrong with one file of a checkpoint."""

    name: str
    problem: str
    """``missing``, ``N bytes instead of M``, ``content differs`` or why it cannot be read."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The outcome of reading a whole checkpoint again."""

    model: InstalledModel
    problems: tuple[FileProblem, ...]

    @property
    def intact(self) -> bool:
        """Whether every file is what was pulled."""
        return not self.problems


def verify(
    model: InstalledModel, on_progress: Callable[[str, int, int], None] | None = None
) -> VerifyReport:
    """Compare size and SHA-256 of every file with the manifest.

    ``on_progress`` gets (file name, bytes read, bytes in all) and never falls back.
    """
    total, done = model.manifest.size, 0
    problems = []
    for file in model.manifest.files:
        before = done

        def advance(count: int, name: str = file.name) -> None:
            nonlocal done
            done += count
            if on_progress is not None:
                on_progress(name, min(done, total), total)

        if problem := _check_file(model.path / file.name, file, advance):
            problems.append(FileProblem(name=file.name, problem=problem))
        done = before + file.size
    return VerifyReport(model=model, problems=tuple(problems))


def _check_file(path: Path, file: StoredFile, on_bytes: Callable[[int], None]) -> str:
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{size} bytes instead of {file.size}"
        sha256, _ = file_checksums(path, on_bytes=on_bytes)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {one_line(error.strerror or error)}"
    return "" if sha256 == file.sha256 else "content differs"
