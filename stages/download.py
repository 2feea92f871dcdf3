"""Download: the archive of the data set, as published, and a manifest that says what it is."""

from movierec import fetch, outputs, reports, stage
from movierec.http import Watch
from movierec.params import load_params


def main() -> None:
    params = load_params()
    data = params.data
    with outputs.output_folder(outputs.RAW) as folder:
        with reports.transfer(f"download   {params.dataset}") as moved:
            archive = fetch.fetch(data, folder, Watch(reports.say, moved))
        size = archive.stat().st_size
        # A path is this machine's alone, a mirror is as good: the hash says what it was.
        block = data.model_dump(exclude={"path", "mirror_url"}, exclude_none=True)
        made_with = {"dataset": params.dataset, "datasets": {params.dataset: block}}
        entry = outputs.entry(made_with, outputs.hashes_of(folder), {"size": size}, packages=())
        outputs.write_manifest(folder, {"download": entry})
    reports.say(f"download   {params.dataset}: {archive.name}, {size / 1e6:.1f} MB, hash as pinned")


if __name__ == "__main__":
    stage.run("download", main)
