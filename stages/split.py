"""Split the ratings into train, validation and test."""

from movierec.core import atomic, manifests, paths, result_files, stage
from movierec.core.params import load_params
from movierec.engine import factory
from movierec.prepare import split_blocks


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    manifests.check_files(paths.INDEX, manifest, "index", *names)
    with factory.opened(params.engine) as work, atomic.atomic_folder(paths.SPLIT) as folder:
        sizes = split_blocks.write(work, paths.INDEX, folder, params.split, params.seed)
        made_with = params.model_dump(include={"seed", "split"})
        entry = manifests.make_record(made_with, manifests.hash_files(folder))
        manifests.write_manifest(folder, {**manifest, "split": entry})
    counts = {
        "n_train": int(sizes.by_user.sum()),
        "n_validation": sizes.n_validation,
        "n_test": sizes.n_test,
        "n_cold_users": int((sizes.by_user == 0).sum()),
        "n_cold_items": int((sizes.by_item == 0).sum()),
    }
    result_files.write_details("split", params, counts)
    kinds = ("train", "validation", "test")
    return {
        "protocol": params.split.protocol,
        "ratings": ", ".join(f"{counts[f'n_{kind}']:,} {kind}" for kind in kinds),
        "cold": f"{counts['n_cold_users']:,} users, {counts['n_cold_items']:,} movies",
    }


if __name__ == "__main__":
    stage.run("split", main)
