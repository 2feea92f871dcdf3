"""Split: the ratings into train, validation and test."""

from movierec import engines, outputs, reports, split_blocks, stage
from movierec.params import load_params


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    outputs.check_files(outputs.INDEX, manifest, "index", *names)
    with engines.opened(params.engine) as work, outputs.output_folder(outputs.SPLIT) as folder:
        sizes = split_blocks.write(work, outputs.INDEX, folder, params.split, params.seed)
        made_with = params.model_dump(include={"seed", "split"})
        entry = outputs.entry(made_with, outputs.hashes_of(folder))
        outputs.write_manifest(folder, {**manifest, "split": entry})
    metrics = {
        "n_train": int(sizes.by_user.sum()),
        "n_validation": sizes.n_validation,
        "n_test": sizes.n_test,
        "n_cold_users": int((sizes.by_user == 0).sum()),
        "n_cold_items": int((sizes.by_item == 0).sum()),
    }
    reports.write_metrics("metrics/split.json", metrics)
    kinds = ("train", "validation", "test")
    return {
        "protocol": params.split.protocol,
        "ratings": ", ".join(f"{metrics[f'n_{kind}']:,} {kind}" for kind in kinds),
        "cold": f"{metrics['n_cold_users']:,} users, {metrics['n_cold_items']:,} movies",
    }


if __name__ == "__main__":
    stage.run("split", main)
