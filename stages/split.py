"""Split the ratings into train, validation and test."""

from dataclasses import asdict
from typing import Any

from movierec.core import atomic, manifests, paths, result_files, stage
from movierec.core.params import load_params
from movierec.data import parquet_tables
from movierec.data.rating_arrays import PARTS
from movierec.engine import factory
from movierec.prepare import rating_filter, split_blocks


def main() -> stage.Summary:
    params = load_params()
    manifest = manifests.read_manifest(paths.INDEX, params.dataset)
    names = ("users.parquet", "items.parquet", "ratings_by_user.parquet")
    manifests.check_files(paths.INDEX, manifest, "index", *names)
    with (
        factory.opened(params.engine) as work,
        work.scratch("split") as scratch,
        atomic.atomic_folder(paths.SPLIT) as folder,
    ):
        sizes = split_blocks.write(
            work, scratch, paths.INDEX, folder, params.split, params.seed, params.data.scale
        )
        made_with = params.model_dump(include={"seed", "split"})
        entry = manifests.make_record(made_with, manifests.hash_files(folder))
        manifests.write_manifest(folder, {**manifest, "split": entry})
    left_out = sizes.left_out
    n_giving = sum(sizes.users[name] for name in parquet_tables.GIVEN)
    counts = {
        **{f"n_{name}": n for name, n in sizes.parts.items()},
        "n_validation_users": sizes.users["validation"],
        "n_test_users": sizes.users["test"],
        "n_cold_users": int((sizes.by_user == 0).sum()) - n_giving,
        "n_cold_items": int((sizes.by_item == 0).sum()),
        "left_out": asdict(left_out),
    }
    result_files.write_details("split", params, counts)
    summary: dict[str, Any] = {"protocol": params.split.protocol}
    if rating_filter.is_used(params.split):
        summary["left out"] = (
            f"{left_out.below_positive:,} ratings below split.positive_rating,"
            f" {left_out.outside_core:,} of users or movies with too few; {left_out.users:,} users"
            f" and {left_out.items:,} movies have none left"
        )
    summary["ratings"] = ", ".join(f"{sizes.parts[name]:,} {name}" for name in PARTS)
    if params.split.protocol == "users":
        given = (f"{sizes.parts[f'{name}_given']:,} {name}" for name in PARTS[1:])
        summary["given"] = f"{', '.join(given)}, of held-out users"
        summary["held out"] = ", ".join(f"{sizes.users[name]:,} {name} users" for name in PARTS[1:])
    if sizes.in_parts and params.split.protocol != "given":
        summary["parts"] = "those of the data set are pooled; split.protocol given uses them"
    cold = f"{counts['n_cold_users']:,} users, {counts['n_cold_items']:,} movies"
    return summary | {"cold": cold}


if __name__ == "__main__":
    stage.run("split", main)
