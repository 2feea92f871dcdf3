"""Plot seconds per epoch against ratings from the saved benchmarks: docs/pictures/growth.png.

python -m benchmarks.speed.plot_growth
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

RESULTS, PICTURE = Path("benchmarks/results"), Path("docs/pictures/growth.png")
FACTORS = 64


def points() -> list[tuple[int, float]]:
    """The training ratings and the median seconds per epoch, at 64 factors, of each benchmark."""
    found = []
    for path in RESULTS.glob("bench-*.json"):
        report = json.loads(path.read_text(encoding="utf-8"))
        medians = [
            entry["median"]
            for entry in report["results"]
            if (entry["name"], entry["n_factors"]) == ("movierec", FACTORS)
        ]
        if medians:
            found.append((report["shape"]["n_train"], float(np.median(medians))))
    return sorted(found)


def main() -> None:
    ratings, seconds = np.array(points()).T
    figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
    axes.loglog(ratings, seconds, "o-", color="#0072B2")
    linear = seconds[0] * ratings / ratings[0]
    axes.loglog(ratings, linear, "--", color="#8C8C8C")
    axes.annotate(
        "linear",
        (ratings[-1], linear[-1]),
        xytext=(4, -10),
        textcoords="offset points",
        color="#6B6B6B",
    )
    for x, y in zip(ratings, seconds, strict=True):
        axes.annotate(f"{y:.2f} s", (x, y), xytext=(-6, 6), textcoords="offset points", ha="right")
    axes.set_title(f"Seconds an epoch, {FACTORS} factors, 2 cores (generated ratings)", loc="left")
    axes.set_xlabel("training ratings")
    axes.set_ylabel("seconds an epoch")
    axes.margins(x=0.2, y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
