"""Download the archive of the data set, and record its hash in a manifest."""

from pathlib import Path

from rich.filesize import decimal

from movierec.core import atomic, manifests, paths, reporting, stage
from movierec.core.params import load_params
from movierec.datasets import download
from movierec.datasets.http_transfer import Watch


def main() -> stage.Summary:
    params = load_params()
    data = params.data
    sources: list[Path] = []
    with atomic.atomic_folder(paths.RAW) as folder:
        with reporting.transfer("download") as moved:
            archive = download.fetch(data, folder, Watch(reporting.say, moved, sources.append))
        size = archive.stat().st_size
        # Without path and mirror: the hash identifies the file wherever it comes from.
        block = data.model_dump(exclude={"path", "mirror_url"}, exclude_none=True)
        made_with = {"dataset": params.dataset, "data": block}
        entry = manifests.make_record(
            made_with, manifests.hash_files(folder), {"size": size}, packages=()
        )
        manifests.write_manifest(folder, {"download": entry})
    return {
        "data set": params.dataset,
        "archive": f"{archive.name} ({decimal(size)}), hash as pinned",
        "from": str(sources[0].parent),
    }


if __name__ == "__main__":
    stage.run("download", main)
