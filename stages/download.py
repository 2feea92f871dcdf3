"""Download: the archive of the data set, as published, and a manifest that says what it is."""

from movierec import errors, fetch, outputs, reports
from movierec.http import Watch
from movierec.params import load_params


def main() -> None:
    params = load_params()
    data = params.data
    with outputs.output_folder(outputs.RAW) as folder:
        with reports.transfer(f"download   {params.dataset}") as moved:
            archive = fetch.fetch(data, folder, Watch(reports.say, moved))
        source = data.model_dump(include={"source", "requirement", "url", "layout", "licence"})
        manifest = {
            "dataset": params.dataset,
            "archive": {
                "file": archive.name,
                "size": archive.stat().st_size,
                "sha256": fetch.sha256_of(archive),
                **source,
            },
        }
        outputs.write_manifest(folder, manifest)
    size = manifest["archive"]["size"] / 1e6
    reports.say(f"download   {params.dataset}: {archive.name}, {size:.1f} MB, hash as pinned")


if __name__ == "__main__":
    errors.run(main)
