"""Floor 5, engine: reads the files of a package, of its imports and its data, within limits."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from abac.checker import Parsed
from abac.language.nodes import File
from abac.language.parser import parse_with_errors
from abac.model.diagnostics import Diagnostic
from abac.model.errors import LoadError
from abac.model.limits import MAX_FILE_BYTES, MAX_PACKAGE_BYTES
from abac.model.source import Source

SUFFIX = ".abac"
FORMAT = "abac-digest/1"


@dataclass(frozen=True, slots=True)
class Main:
    """The files of a package that was asked for, read and not parsed.

    Attributes:
        folder: as it was named.
    """

    folder: Path
    files: tuple[Path, ...]
    sources: tuple[Source, ...]


@dataclass(slots=True)
class Trail:
    """What was read beside the files that were asked for, because they say so.

    Attributes:
        package: what the main package is called.
        data: package (empty for the main one) and file.
    """

    package: str = ""
    imports: list[str] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)


class PackageReader:
    """Reads sources, imports and data within limits; remembers everything it read, for the digest.

    Attributes:
        trail: what has to be read again to know whether all is as it was.
    """

    def __init__(self) -> None:
        self.trail = Trail()
        self.content: dict[str, bytes] = {}
        self.size = 0
        self.found: list[Diagnostic] = []
        self.packages: list[Parsed] = []

    # ── packages ───────────────────────────────────────────────────────────────────────────────────────────

    def read_text(self, text: str, declarations: str) -> tuple[list[Parsed], list[Diagnostic]]:
        self._remember("<text>", text.encode("utf-8", "surrogatepass"))
        written = self._parse([Source("<text>", text)])
        name = written[0].package.value
        files = (*written, *self._declared(declarations, name))
        for file in files:
            for clause in file.imports:
                message = "text has no folder to import from"
                self.found.append(Diagnostic("unknown-package", message, clause.span, help="load a folder instead"))

        def no_data(file: str) -> bytes:
            raise LoadError(f"text has no folder to read `{file}` from: load a folder instead")

        return [*self.packages, Parsed(name, files, no_data)], self.found

    def open_main(self, paths: Sequence[Path]) -> Main:
        """The files that were asked for."""
        try:
            folder, files = _policy_files(paths)
        except OSError as error:  # a name too long for any folder, or a folder that may not be looked into
            raise LoadError(f"{error.filename}: {error.strerror}") from None
        return Main(folder, tuple(files), tuple(self._source(file, folder) for file in files))

    def follow(self, main: Main, trail: Trail) -> None:
        """Read what a trail leads to, as it was read when it was laid, but for parsing.

        Raises:
            LoadError, OSError: something is not there any more.
        """
        root = _root_of(main.folder, trail.package)
        _refuse_outside(main.files, root or main.folder)
        root = root or main.folder
        folders = {"": main.folder}
        for name in trail.imports:
            folders[name] = root.joinpath(*name.split("."))
            if not _inside(folders[name], root):
                raise LoadError(f"package `{name}` lies outside of `{root.name}`")
            files = _policy_files([folders[name]])[1]
            _refuse_outside(files, root)
            for path in files:
                self._source(path, root)
        for package, file in trail.data:
            self._data_reader(package, folders[package], root)(file)
        self.trail = trail

    def read_main(self, main: Main, declarations: str) -> tuple[list[Parsed], list[Diagnostic]]:
        folder, files = main.folder, main.files
        written = self._parse(main.sources)
        name = self.trail.package = written[0].package.value
        root = _root_of(folder, name)
        _refuse_outside(files, root or folder)
        self._same_package(written, name, folder, root)
        parsed = (*written, *self._declared(declarations, name))
        self._import(parsed, name, root or folder, [name])
        self.packages.append(Parsed(name, parsed, self._data_reader("", folder, root or folder)))
        return self.packages, self.found

    def _import(self, files: Iterable[File], importer: str, root: Path, ring: list[str]) -> None:
        """Read what is imported, each after its own imports."""
        for file in files:
            for clause in file.imports:
                name = clause.name
                if name in ring:
                    shown = " → ".join([*ring[ring.index(name) :], name])
                    self.found.append(Diagnostic("cyclic-import", f"package `{name}` imports itself: {shown}", clause.span))
                elif all(parsed.name != name for parsed in self.packages):
                    folder = root.joinpath(*name.split("."))
                    if not _inside(folder, root):
                        self.found.append(Diagnostic("outside-root", f"package `{name}` lies outside of `{root.name}`", clause.span))
                    elif not any(folder.glob(f"*{SUFFIX}")):
                        help = f"its files are looked for in {folder}"
                        self.found.append(Diagnostic("unknown-package", f"there is no package `{name}`", clause.span, help=help))
                    else:
                        files_of_it = _policy_files([folder])[1]
                        _refuse_outside(files_of_it, root)
                        parsed = self._parse(self._source(each, root) for each in files_of_it)
                        self._same_package(parsed, name, folder, root)
                        self._import(parsed, name, root, [*ring, name])
                        self.trail.imports.append(name)
                        self.packages.append(Parsed(name, parsed, self._data_reader(name, folder, root)))

    def _same_package(self, files: Sequence[File], name: str, folder: Path, root: Path | None) -> None:
        for file in files:
            word = file.package
            if word.value and word.value != name:
                help = "all files of one folder are one package"
                self.found.append(Diagnostic("wrong-package", f"this is package `{name}`, not `{word.value}`", word.span, help=help))
            elif word.value and root is None:
                message = f"package `{name}` does not lie in a folder of that name"
                help = f"the folder is {folder.name!r}: a package is called as its folder is"
                self.found.append(Diagnostic("wrong-package", message, word.span, help=help))

    def _parse(self, sources: Iterable[Source]) -> tuple[File, ...]:
        files = []
        for source in sources:
            file, complaints = parse_with_errors(source)
            files.append(file)
            self.found += complaints
        return tuple(files)

    def _declared(self, declarations: str, package: str) -> tuple[File, ...]:
        """Declarations that come from the service's models, as a file of the package (which has no name if its header was unreadable)."""
        if not declarations:
            return ()
        self._remember("<models>", declarations.encode())
        return self._parse([Source("<models>", f"package {package or 'models'}\n\n{declarations}")])

    # ── files ──────────────────────────────────────────────────────────────────────────────────────────────

    def _source(self, path: Path, folder: Path) -> Source:
        content = self._read(path)
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        self._remember(name, content)
        try:
            return Source(str(path), content.decode("utf-8"))
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise LoadError(f"{path}:{line}: not UTF-8: byte 0x{content[error.start]:02x} at offset {error.start}") from None

    def _data_reader(self, package: str, folder: Path, root: Path) -> Callable[[str], bytes]:
        def read(file: str) -> bytes:
            path = folder / file
            if Path(file).is_absolute() or not _inside(path, root):
                raise LoadError(f"`{file}` lies outside of `{root.name}`")
            content = self._read(path)
            name = os.path.relpath(folder.resolve() / file, root.resolve())  # however the folder was written
            self._remember(Path(name).as_posix(), content)
            self.trail.data.append((package, file))
            return content

        return read

    def _read(self, path: Path) -> bytes:
        """A regular file within the limits."""
        try:
            if not path.is_file():
                raise LoadError(f"{path}: {'a folder, not a file' if path.is_dir() else 'no such file'}")
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise LoadError(f"{path}: {error.strerror or error}") from None
        if len(content) > MAX_FILE_BYTES:
            raise LoadError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        return content

    def _remember(self, name: str, content: bytes) -> None:
        self.size += len(content)
        if self.size > MAX_PACKAGE_BYTES:
            raise LoadError(f"the package is larger than {MAX_PACKAGE_BYTES} bytes in all (reached at {name})")
        self.content[name] = content

    def digest(self) -> str:
        """`sha256:…` of everything read, and of the versions of what gives it meaning."""
        state = hashlib.sha256()
        for part in (FORMAT, *_versions()):
            state.update(part.encode() + b"\0")
        for name, content in sorted(self.content.items()):
            state.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))  # names of files may be no Unicode
            state.update(content)
        return f"sha256:{state.hexdigest()}"


@cache
def _versions() -> tuple[str, ...]:
    """The versions of the time zone database, Unicode and RE2."""
    return f"tzdata {_tzdata()}", f"unicode {unicodedata.unidata_version}", f"re2 {importlib.metadata.version('google-re2')}"


def _tzdata() -> str:
    """The version of the zone database in use: the system's if it says so, else the package's."""
    import zoneinfo

    for folder in zoneinfo.TZPATH:
        for name, prefix in (("tzdata.zi", "# version "), ("+VERSION", "")):
            try:
                with open(os.path.join(folder, name), encoding="ascii") as file:
                    first = file.readline().strip()
            except (OSError, UnicodeDecodeError):
                continue
            if first.startswith(prefix):
                return first.removeprefix(prefix)
    return importlib.metadata.version("tzdata")


def _policy_files(paths: Sequence[Path]) -> tuple[Path, list[Path]]:
    """The folder and its policy files, in source order: by relative path, by code points."""
    if not paths:
        raise LoadError("nothing to load: give a folder or files")
    if len(paths) == 1 and paths[0].is_dir():
        folder = paths[0]
        files = sorted((f for f in folder.glob(f"*{SUFFIX}") if f.is_file()), key=lambda f: f.name)
        if not files:
            below = sorted({f.parent.name for f in folder.glob(f"*/*{SUFFIX}")})
            hint = f"; give one of the packages in it: {', '.join(below)}" if below else ""
            raise LoadError(f"{folder}: no {SUFFIX} files in this folder{hint}")
        return folder, files
    for path in paths:
        if not path.exists():
            raise LoadError(f"{path}: no such file or folder")
        if path.is_dir():
            raise LoadError(f"{path}: give one folder, or files of one folder")
        if path.suffix != SUFFIX:
            raise LoadError(f"{path}: not a policy file: its name does not end in {SUFFIX}")
    folders = {path.parent.resolve() for path in paths}
    if len(folders) > 1:
        raise LoadError(f"files of different folders: {', '.join(sorted(str(f) for f in folders))}")
    return paths[0].parent, sorted(paths, key=lambda f: f.name)


def _root_of(folder: Path, package: str) -> Path | None:
    """The folder that the package's name counts from; None if the folder is not called as the package is."""
    parts = package.split(".")
    real = folder.resolve()
    if package and list(real.parts[-len(parts) :]) == parts:
        return real.parents[len(parts) - 1]
    return None


def _refuse_outside(files: Iterable[Path], root: Path) -> None:
    for file in files:
        if not _inside(file, root):
            raise LoadError(f"{file}: a link that leaves `{root.name}`")


def _inside(path: Path, root: Path) -> bool:
    """Whether a path, links followed, lies in the root."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
