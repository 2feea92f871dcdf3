"""Download: the archive of the data set, as published, and a manifest that says what it is."""

from pathlib import Path

from rich.filesize import decimal

from movierec.core import atomic, manifests, paths, reporting, stage
from movierec.core.params import load_params
from movierec.datasets import download
from movierec.datasets.http_transfer import Watch


def main() -> stage.Summary:
    params = load_params()
    data = params.data
    found: list[Path] = []
    with atomic.atomic_folder(paths.RAW) as folder:
        with reporting.transfer("download") as moved:
            archive = download.fetch(data, folder, Watch(reporting.say, moved, found.append))
        size = archive.stat().st_size
        # A path is this machine's alone, a mirror is as good: the hash says what it was.
        block = data.model_dump(exclude={"path", "mirror_url"}, exclude_none=True)
        made_with = {"dataset": params.dataset, "data": block}
        entry = manifests.make_record(
            made_with, manifests.hash_files(folder), {"size": size}, packages=()
        )
        manifests.write_manifest(folder, {"download": entry})
    return {
        "data set": params.dataset,
        "archive": f"{archive.name} ({decimal(size)}), hash as pinned",
        "from": str(found[0].parent),
    }


if __name__ == "__main__":
    stage.run("download", main)
