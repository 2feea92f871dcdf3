"""Download: the archive of the data set, as published, and a manifest that says what it is."""

from pathlib import Path

from rich.filesize import decimal

from movierec import fetch, outputs, reports, stage
from movierec.http import Watch
from movierec.params import load_params


def main() -> stage.Facts:
    params = load_params()
    data = params.data
    found: list[Path] = []
    with outputs.output_folder(outputs.RAW) as folder:
        with reports.transfer("download") as moved:
            archive = fetch.fetch(data, folder, Watch(reports.say, moved, found.append))
        size = archive.stat().st_size
        # A path is this machine's alone, a mirror is as good: the hash says what it was.
        block = data.model_dump(exclude={"path", "mirror_url"}, exclude_none=True)
        made_with = {"dataset": params.dataset, "datasets": {params.dataset: block}}
        entry = outputs.entry(made_with, outputs.hashes_of(folder), {"size": size}, packages=())
        outputs.write_manifest(folder, {"download": entry})
    return {
        "data set": params.dataset,
        "archive": f"{archive.name} ({decimal(size)}), hash as pinned",
        "from": str(found[0].parent),
    }


if __name__ == "__main__":
    stage.run("download", main)
