"""Compare rules of early stopping, with several numbers of factors, on data of other sizes.

    python -m benchmarks.quality.early_stopping              the data set that was last run
    python -m benchmarks.quality.early_stopping --generated 1_000_000

The data are those of prior_sensitivity. Validation RMSE is compared; test ratings are not read.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import RESULTS, machine, version_of, write_report
from benchmarks.quality.prior_sensitivity import Search, make_searches
from movierec.core.params import load_params

N_FACTORS = (8, 16, 32)
MAX_EPOCHS = 60
EARLIER = (4, 0.0001)  # patience and min_improvement of the first versions
NEVER = (MAX_EPOCHS, 0.0)  # runs all epochs and keeps the best
PACKAGES = ("movierec", "numba", "numpy")
Rule = tuple[int, float]


def measure(search: Search, n_factors: int, rule: Rule) -> tuple[float, int, int]:
    """The validation RMSE of the model that a rule keeps, its epoch, and how many were run."""
    patience, min_improvement = rule
    state = search.fit(
        n_factors=n_factors,
        max_epochs=MAX_EPOCHS,
        patience=patience,
        min_improvement=min_improvement,
    )
    assert state.validation
    return state.validation.rmse, state.best_epoch, len(state.epochs)


def lines_of(report: dict[str, Any]) -> Iterator[str]:
    host, versions = report["machine"], report["versions"]
    yield (
        f"{len(report['seeds'])} draws; median validation RMSE, and in brackets the median number"
        f" of epochs run. {host['processor']}, Python {host['python']},"
        f" {', '.join(f'{name} {version}' for name, version in versions.items())}."
    )
    names = [
        f"patience {patience}, {np.format_float_positional(least, trim='-')}"
        for patience, least in report["rules"]
    ]
    yield ""
    yield f"| data | n_factors | {' | '.join(names)} | greatest loss to the first rule |"
    yield "|---" * (len(names) + 3) + "|"
    for part, by_factors in report["results"].items():
        for n_factors, by_rule in by_factors.items():
            measured = np.array(by_rule)  # (rules, draws, 3)
            medians = np.median(measured, axis=1)
            cells = [f"{rmse:.4f} ({epochs:.0f})" for rmse, _, epochs in medians]
            loss = max(0.0, (measured[1, :, 0] - measured[0, :, 0]).max())
            yield f"| {part} | {n_factors} | {' | '.join(cells)} | {loss:.6f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generated", type=int, help="this many generated ratings instead")
    parser.add_argument("--seeds", nargs="*", type=int, default=[20, *range(1, 10)])
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    params = load_params()
    rules = [EARLIER, (params.train.patience, params.train.min_improvement), NEVER]
    name, searches = make_searches(args.generated, params, args.seeds)
    report: dict[str, Any] = {
        "machine": machine(),
        "versions": {package: version_of(package) for package in PACKAGES},
        "seeds": args.seeds,
        "rules": rules,
        "results": {},
    }
    for part, of_part in searches.items():
        report["results"][part] = {
            n_factors: [[measure(search, n_factors, rule) for search in of_part] for rule in rules]
            for n_factors in N_FACTORS
        }
        print("\n".join(lines_of(report)), file=sys.stderr, flush=True)
    write_report(args.out / f"early-stopping-{name}", report, "\n".join(lines_of(report)))


if __name__ == "__main__":
    main()
