"""Split: the ratings into train, validation and test."""

from movierec import artifacts, errors, outputs, reports, split
from movierec.params import load_params


def main() -> None:
    params = load_params()
    manifest = outputs.read_manifest(outputs.INDEX, params.dataset)
    ratings, n_users, n_items = artifacts.read_index()
    train, validation, test = split.split(ratings, n_users, params.split, params.seed)
    by_user = train.by_user(n_users)
    by_item = by_user.transpose(n_items)
    with outputs.output_folder(outputs.SPLIT) as folder:
        artifacts.write_by_user(folder / "train_by_user.parquet", by_user, train.timestamp)
        artifacts.write_rows(folder / "train_users.parquet", by_user)
        artifacts.write_by_item(folder / "train_by_item.parquet", by_item)
        artifacts.write_rows(folder / "train_items.parquet", by_item)
        artifacts.write_ratings(folder / "validation.parquet", validation)
        artifacts.write_ratings(folder / "test.parquet", test)
        entry = {**params.split.model_dump(), "seed": params.seed}
        outputs.write_manifest(folder, {**manifest, "split": entry})
    metrics = {
        "n_train": len(train),
        "n_validation": len(validation),
        "n_test": len(test),
        "n_cold_users": int((by_user.counts == 0).sum()),
        "n_cold_items": int((by_item.counts == 0).sum()),
    }
    reports.write_metrics("metrics/split.json", metrics)
    reports.say(
        f"split      {params.split.protocol}: {len(train):,} train, {len(validation):,} validation,"
        f" {len(test):,} test"
    )


if __name__ == "__main__":
    errors.run(main)
