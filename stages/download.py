"""Download the archive of the data set, and record its hash in a manifest."""

from pathlib import Path

from rich.filesize import decimal

from movierec.core import atomic, manifests, paths, reporting, stage
from movierec.core.params import PathSource, load_params
from movierec.datasets import download
from movierec.datasets.http_transfer import Watch


def main() -> stage.Summary:
    params = load_params()
    data = params.data
    sources: list[Path] = []
    with atomic.atomic_folder(paths.RAW) as folder:
        with reporting.transfer("download") as moved:
            watch = Watch(reporting.say, moved, sources.append)
            if isinstance(data, PathSource) and data.parts:
                files = download.fetch_parts(data, folder, watch)
            else:
                files = [download.fetch(data, folder, watch)]
        size = sum(file.stat().st_size for file in files)
        # Without path and mirror: the hash identifies the file wherever it comes from.
        block = data.model_dump(exclude={"path", "mirror_url"}, exclude_none=True)
        made_with = {"dataset": params.dataset, "data": block}
        entry = manifests.make_record(
            made_with, manifests.hash_files(folder), {"size": size}, packages=()
        )
        manifests.write_manifest(folder, {"download": entry})
    return {
        "data set": params.dataset,
        "archive": f"{', '.join(file.name for file in files)} ({decimal(size)}), hash as pinned",
        "from": str(sources[0].parent),
    }


if __name__ == "__main__":
    stage.run("download", main)
