"""Split: the ratings into train, validation and test."""

from movierec import artifacts, outputs, reports, split, stage
from movierec.params import load_params


def main() -> stage.Facts:
    params = load_params()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    outputs.check_files(outputs.INDEX, manifest, "index", *names)
    ratings, n_users, n_items = artifacts.read_index()
    train, validation, test = split.split(ratings, n_users, params.split, params.seed)
    del ratings  # for the memory
    by_user, timestamp = train.by_user(n_users), train.timestamp
    with outputs.output_folder(outputs.SPLIT) as folder:
        with artifacts.at_once() as write:
            write(artifacts.write_by_user, folder / "train_by_user.parquet", by_user, timestamp)
            write(artifacts.write_ratings, folder / "validation.parquet", validation)
            write(artifacts.write_ratings, folder / "test.parquet", test)
            write(artifacts.write_rows, folder / "train_users.parquet", by_user)
            by_item = by_user.transpose(n_items)
            write(artifacts.write_by_item, folder / "train_by_item.parquet", by_item)
            write(artifacts.write_rows, folder / "train_items.parquet", by_item)
        made_with = params.model_dump(include={"seed", "split"})
        entry = outputs.entry(made_with, outputs.hashes_of(folder))
        outputs.write_manifest(folder, {**manifest, "split": entry})
    metrics = {
        "n_train": len(train),
        "n_validation": len(validation),
        "n_test": len(test),
        "n_cold_users": int((by_user.counts == 0).sum()),
        "n_cold_items": int((by_item.counts == 0).sum()),
    }
    reports.write_metrics("metrics/split.json", metrics)
    return {
        "protocol": params.split.protocol,
        "ratings": f"{len(train):,} train, {len(validation):,} validation, {len(test):,} test",
        "cold": f"{metrics['n_cold_users']:,} users, {metrics['n_cold_items']:,} movies",
    }


if __name__ == "__main__":
    stage.run("split", main)
