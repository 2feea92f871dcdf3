"""Slow, simple reference implementations in float64, of most kernels and some other functions.

Each computes the result of a function of src/movierec in as few steps as possible, one number at a
time or by NumPy's solver. The kernels in reductions.py have no counterpart here.
"""

import itertools
import math

import numpy as np

# --- kernels/tiles.py


def add_product(start, i, j, left, a, right, b, n, shape, sign=1, across=True):
    """start[i:, j:] ± left[:n, a:]ᵀ · right[:n, b:] on a tile of this shape, as a new matrix.

    across=False: use left[a:, :n] without transposing.
    """
    if not across:
        left, a = left[a:].T, 0
    result = start.astype(np.float64)
    for row in range(shape[0]):
        for column in range(shape[1]):
            for k in range(n):
                product = float(left[k, a + row]) * float(right[k, b + column])
                result[i + row, j + column] += sign * product
    return result


def cholesky(matrix):
    """U with UᵀU = matrix, read from the upper triangle; the textbook's three loops."""
    n = len(matrix)
    upper = np.zeros((n, n))
    for i in range(n):
        for j in range(i, n):
            rest = float(matrix[i, j]) - sum(upper[k, i] * upper[k, j] for k in range(i))
            upper[i, j] = math.sqrt(rest) if i == j else rest / upper[i, i]
    return upper


def solve_transposed(upper, right):
    """U⁻ᵀ · right by forward substitution."""
    solved = np.zeros(right.shape)
    for i in range(len(upper)):
        for j in range(right.shape[1]):
            rest = right[i, j] - sum(upper[k, i] * solved[k, j] for k in range(i))
            solved[i, j] = rest / upper[i, i]
    return solved


def solve_upper(upper, right):
    """U⁻¹ · right by back substitution."""
    solved = np.zeros(len(right))
    for i in reversed(range(len(upper))):
        solved[i] = (right[i] - dot(upper[i, i + 1 :], solved[i + 1 :])) / upper[i, i]
    return solved


def dot(left, right):
    """The sum of products, in order."""
    return sum(float(a) * float(b) for a, b in zip(left, right, strict=True))


# --- kernels/rows.py


def row_system(indices, values, fixed_factors, fixed_biases, global_mean, precision, prior_mean):
    """P and b of one row: the prior's, then every rating's outer product and residual."""
    matrix = np.array(precision, np.float64)
    rhs = matrix @ prior_mean
    for index, value in zip(indices, values, strict=True):
        features = np.append(fixed_factors[index].astype(np.float64), 1.0)
        matrix += np.outer(features, features)
        rhs += features * (float(value) - global_mean - float(fixed_biases[index]))
    return matrix, rhs


def solve_rows(csr, fixed_factors, fixed_biases, global_mean, precision, per_rating, prior_mean):
    """The posterior mean of every row (n_rows, n_factors + 1), the bias last."""
    solved = np.zeros((csr.n_rows, len(prior_mean)))
    for row in range(csr.n_rows):
        start, stop = csr.indptr[row], csr.indptr[row + 1]
        matrix, rhs = row_system(
            csr.indices[start:stop],
            csr.values[start:stop],
            fixed_factors,
            fixed_biases,
            global_mean,
            precision,
            prior_mean,
        )
        matrix += (stop - start) * np.diag(per_rating)
        solved[row] = np.linalg.solve(matrix, rhs)
    return solved


# --- kernels/grouping.py


def group_order(keys, n_keys):
    """Counts added up, and positions by key, equal keys in their order."""
    groups = [[position for position, key in enumerate(keys) if key == k] for k in range(n_keys)]
    indptr = [sum(len(group) for group in groups[:k]) for k in range(n_keys + 1)]
    return indptr, [position for group in groups for position in group]


def ranks_in_rows(indptr, keys):
    """How many of its row's ratings come before each, by key and place."""
    ranks = []
    for start, stop in itertools.pairwise(indptr):
        order = [(keys[k], k) for k in range(start, stop)]
        ranks += [sum(other < mine for other in order) for mine in order]
    return ranks


# --- kernels/scoring.py


def predict(model, user, item):
    """The prediction of one pair."""
    product = dot(model.user_factors[user], model.item_factors[item])
    biases = float(model.user_biases[user]) + float(model.item_biases[item])
    return model.global_mean + biases + product


def squared_errors_by_row(model, by_user, low, high):
    """Sums of each user's errors (n_users, 3): squared, clipped squared, clipped absolute."""
    sums = np.zeros((by_user.n_rows, 3))
    for user, item, value in zip(by_user.row_index, by_user.indices, by_user.values, strict=True):
        predicted = predict(model, user, item)
        sums[user, 0] += (float(value) - predicted) ** 2
        clipped = float(value) - min(max(predicted, low), high)
        sums[user, 1] += clipped**2
        sums[user, 2] += abs(clipped)
    return sums


def best(scores, n):
    """The positions of the n highest scores above −inf, best first; ties by position."""
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    return [place for place in order if scores[place] > -math.inf][:n]


def top_n(model, seen, n, eligible):
    """The n best unseen eligible items of each user by a full sort, padded with −1."""
    lists = np.full((seen.n_rows, n), -1)
    for user in range(seen.n_rows):
        known = set(seen.indices[seen.indptr[user] : seen.indptr[user + 1]].tolist())
        scores = [
            predict(model, user, item) if eligible[item] and item not in known else -math.inf
            for item in range(model.n_items)
        ]
        chosen = best(scores, n)
        lists[user, : len(chosen)] = chosen
    return lists


# --- als.py, metrics.py


def objective(model, by_user, by_item, params):
    """½ λ Σ (r − r̂)² + ½ Σ_rows (τ + τₙ n) |factors|² + ½ Σ_rows (γ + γₙ n) bias²."""
    total = params.rating_precision * squared_errors_by_row(model, by_user, 0, 0)[:, 0].sum()
    for csr, factors, biases in (
        (by_user, model.user_factors, model.user_biases),
        (by_item, model.item_factors, model.item_biases),
    ):
        for n, row, bias in zip(csr.counts, factors, biases, strict=True):
            of_factors = params.factor_precision + params.factor_precision_per_rating * n
            of_bias = params.bias_precision + params.bias_precision_per_rating * n
            total += of_factors * sum(float(x) ** 2 for x in row) + of_bias * float(bias) ** 2
    return total / 2


def ranking(lists, held_out, relevant_rating, counts, n_users):
    """The fields of metrics.Ranking in order, one user and one place at a time."""
    ndcg, recall, given, novelty, listed = [], [], [], [], set()
    for user, items in enumerate(lists.tolist()):
        n = len(items)
        triples = zip(held_out.user_index, held_out.item_index, held_out.rating, strict=True)
        rating = {int(item): float(stars) for of_user, item, stars in triples if of_user == user}
        wanted = {item for item, stars in rating.items() if stars >= relevant_rating}
        given += [rating[item] for item in items if item in rating]
        for item in items:
            if item >= 0:
                listed.add(item)
                novelty.append(-math.log2(max(1, counts[item]) / n_users))
        if wanted:
            gains = [1 / math.log2(k + 2) for k in range(n) if items[k] in wanted]
            ideal = [1 / math.log2(k + 2) for k in range(min(n, len(wanted)))]
            ndcg.append(sum(gains) / sum(ideal))
            recall.append(len(gains) / len(wanted))

    def mean(values):
        return sum(values) / len(values) if values else 0.0

    coverage = len(listed) / len(counts)
    return mean(ndcg), mean(recall), mean(given), coverage, mean(novelty)


# --- implicit.py


def implicit_objective(model, by_user, params):
    """½ Σ_seen (t − s)² + ½ α₀ Σ_all s² + ½ Σ_rows (τ + τₙ n) |factors|², cell by cell."""
    total, counts = 0.0, np.zeros(model.n_items)
    for user in range(by_user.n_rows):
        row = slice(by_user.indptr[user], by_user.indptr[user + 1])
        seen = dict(zip(by_user.indices[row].tolist(), by_user.values[row].tolist(), strict=True))
        counts[list(seen)] += 1
        for item in range(model.n_items):
            score = dot(model.user_factors[user], model.item_factors[item])
            total += (
                params.unseen_weight * score**2 + (item in seen) * (seen.get(item, 0) - score) ** 2
            )
    for n, row in (
        *zip(by_user.counts, model.user_factors, strict=True),
        *zip(counts, model.item_factors, strict=True),
    ):
        ridge = params.factor_precision + params.factor_precision_per_rating * n
        total += ridge * sum(float(x) ** 2 for x in row)
    return total / 2


def implicit_row(seen, fixed_factors, params):
    """The factors of a row with these targets of seen cells: all cells weigh α₀, with target 0, the
    seen ones 1 more, with theirs; a weighted ridge regression with a line for each cell."""
    fixed = fixed_factors.astype(np.float64)
    matrix = np.eye(fixed.shape[1])
    matrix *= params.factor_precision + params.factor_precision_per_rating * len(seen)
    rhs = np.zeros(fixed.shape[1])
    for cell, f in enumerate(fixed):
        matrix += (params.unseen_weight + (cell in seen)) * np.outer(f, f)
        rhs += seen.get(cell, 0) * f
    return np.linalg.solve(matrix, rhs)


# --- kernels/neighbours.py


def cosines(by_item):
    """The cosines of all pairs of items' sets of users; 0 for an item with itself."""
    users = [set(by_item.indices[a:b].tolist()) for a, b in itertools.pairwise(by_item.indptr)]
    n = len(users)
    found = np.zeros((n, n))
    for i, j in itertools.permutations(range(n), 2):
        if users[i] & users[j]:
            found[i, j] = len(users[i] & users[j]) / math.sqrt(len(users[i]) * len(users[j]))
    return found
