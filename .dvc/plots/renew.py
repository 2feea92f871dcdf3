"""Write page.html, the page of `dvc plots show`: source.html with Vega inlined, as npm has it.

    python .dvc/plots/renew.py          # needs npm for another version of a library
    python .dvc/plots/renew.py --check  # is page.html what source.html and the hashes below say?

DVC fills in {plot_divs} and {refresh_tag}. Its own page loads Vega from a web server instead.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE, SOURCE = FOLDER / "page.html", FOLDER / "source.html"
# The last versions that draw Vega-Lite 5, of which DVC's plots are; SHA-256 of build/<name>.min.js.
LIBRARIES = {
    ("vega", "5.33.1"): "463f3db6a40b20e9747b4ed38f37ed0add508838f9141b1cf8366784b07b30c8",
    ("vega-lite", "5.23.0"): "58c27358e26f2d319cf62f45bc17a4c8362f08645001df2ec8d341eee4097c7f",
    ("vega-embed", "6.29.0"): "12d02acfbe3ec59ef9a37dd4822a2e04e2961b5bbb671bbe661d2221715b99da",
}
LICENCES = "<!-- licences of the libraries below, and of what they hold\n"


def main(arguments: list[str]) -> str | None:
    """What is wrong, or nothing."""
    page = PAGE.read_text("utf-8")
    if arguments not in ([], ["--check"]):
        return __doc__
    if not arguments:
        page = filled(block_of(page) if hashes_of(page) == LIBRARIES else fetched())
    wrong = problem(page)
    if not arguments and not wrong:
        PAGE.write_text(page, "utf-8")
    return wrong


def fetched() -> str:
    if not shutil.which("npm"):
        sys.exit("error: npm is not installed; it fetches Vega")
    with tempfile.TemporaryDirectory() as folder:
        return libraries(install(Path(folder)))


def install(folder: Path) -> Path:
    packages = [f"{name}@{version}" for name, version in LIBRARIES]
    options = ["--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(["npm", "install", *options, "--prefix", str(folder), *packages], check=True)  # noqa: S607
    return folder / "node_modules"


def libraries(modules: Path) -> str:
    scripts = [
        f"<!-- {name} {version} of npm -->\n<script>{built(modules, name)}</script>\n"
        for name, version in LIBRARIES
    ]
    return f"{LICENCES}\n{licences(modules)}\n-->\n{''.join(scripts)}"


def built(modules: Path, name: str, suffix: str = "") -> str:
    return (modules / name / f"build/{name}.min.js{suffix}").read_text("utf-8")


def licences(modules: Path) -> str:
    """Each text once, below the packages that it is of."""
    of: dict[str, list[str]] = {}
    for name in sorted(held(modules)):
        # npm leaves the file out of some packages of Vega's one repository.
        files = sorted((modules / name).glob("LICEN*")) or [modules / "vega-view/LICENSE"]
        of.setdefault(files[0].read_text("utf-8").strip(), []).append(name)
    rule = "-" * 80
    return "\n\n".join(f"{rule}\n{', '.join(names)}\n\n{text}" for text, names in of.items())


def held(modules: Path) -> set[str]:
    """The packages that the libraries hold: parts of the paths in their source maps."""
    paths = [path for name, _ in LIBRARIES for path in sources(modules, name)]
    parts = {part for path in paths for part in path.split("/")}
    return {name for name, _ in LIBRARIES} | {
        part for part in parts if (modules / part / "package.json").exists()
    }


def sources(modules: Path, name: str) -> list[str]:
    return json.loads(built(modules, name, ".map"))["sources"]


def filled(block: str) -> str:
    return SOURCE.read_text("utf-8").replace("{libraries}\n", block)


def problem(page: str) -> str | None:
    """Why a page is not what source.html and LIBRARIES say; None if it is."""
    if hashes_of(page) != LIBRARIES:
        return f"error: page.html has the libraries {hashes_of(page)}, renew.py names others"
    if filled(block_of(page)) != page:
        return "error: page.html is not of the present source.html; make page writes it"
    return None


def hashes_of(page: str) -> dict[tuple[str, str], str]:
    scripts = re.findall(r"<!-- (\S+) (\S+) of npm -->\n<script>(.*?)</script>\n", page, re.DOTALL)
    return {(name, version): sha256(text) for name, version, text in scripts}


def block_of(page: str) -> str:
    """What stands in a page for {libraries}."""
    script = r"<!-- \S+ \S+ of npm -->\n<script>.*?</script>\n"
    found = re.search(rf"{LICENCES}.*?\n-->\n({script})+", page, re.DOTALL)
    return found[0] if found else ""


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
