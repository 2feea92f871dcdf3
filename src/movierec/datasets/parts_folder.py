"""Find the files of a folder that has a file for each part: train, test and perhaps validation."""

from pathlib import Path

from movierec.core.errors import MovierecError
from movierec.data.rating_arrays import PARTS
from movierec.datasets.table_columns import NUMBER
from movierec.datasets.validation import COLUMNS

NAMES = {"train": "train", "training": "train", "test": "test"}
NAMES |= dict.fromkeys(["validation", "valid", "val"], "validation")


def find_parts(folder: Path) -> dict[str, Path]:
    """The file of each part, in the order of PARTS, by its name without the ending.

    Raises MovierecError if train or test is missing, or if a part has two files.
    """
    files: dict[str, list[Path]] = {part: [] for part in PARTS}
    for path in sorted(folder.iterdir()):
        part = NAMES.get(path.stem.casefold())
        if part and path.is_file():
            files[part].append(path)
    for part, paths in files.items():
        if len(paths) > 1:
            both = " and ".join(path.name for path in paths[:2])
            raise MovierecError(f"{folder}: {both} are both a part {part}; keep one of them")
    missing = [part for part in ("train", "test") if not files[part]]
    if missing:
        raise MovierecError(
            f"{folder}: a folder without {' and '.join(f'{part}.csv' for part in missing)} (or"
            " .tsv); give one file of ratings, or the folder of a split"
        )
    return {part: paths[0] for part, paths in files.items() if paths}


def separator_without_header(candidates: dict[str, list[str]]) -> str | None:
    """What separates the fields of a first line that is a row: COLUMNS, perhaps without a time.

    candidates: the fields of the line by separator. None if the line is a header or has other
    fields.
    """
    for separator, fields in candidates.items():
        numbers = fields[len(COLUMNS) - 2 :]  # the rating and the time; ids may be text
        if len(fields) in (3, 4) and all(map(NUMBER.fullmatch, numbers)):
            return separator
    return None
