"""Accuracy, and time per release, of peer libraries of differential privacy. Prints one JSON document.

    python3 -m venv VENV && VENV/bin/pip install -r requirements.txt && VENV/bin/python peers.py > peers.json

Unit of privacy: one session, added or removed. Every release spends the row's whole epsilon; delta is 0 but where the
mechanism's name says Gaussian (1e-7). Nothing is clipped or rounded after the noise. A row has

    releases       how many independent releases were made of the same data
    rmse, abs95    root mean square and 95th percentile of the absolute error, over all releases and cells, in the
                   workload's unit: sessions (`count`), sessions a cell (`histogram`), percentage points (`rate`),
                   units of spend (`sum`)
    p50, p95, p99  `quantiles` instead: median absolute rank error of each, in percentage points
    micros         median wall time of one release, in microseconds, from what `from` says: "aggregate", the true
                   cells (or a ready quantile tree), or "rows", all n values; mechanisms that may be used again were
                   made before
    whole_micros   pipeline-dp: one run of its engine over all rows, in microseconds, the median of three
"""

import importlib.metadata
import json
import operator
import platform
import sys
import time
from dataclasses import dataclass

import numpy as np
import opendp.prelude as dp
import pipeline_dp
from pipeline_dp.combiners import create_compound_combiner
from pydp.algorithms import laplacian, numerical_mechanisms

SESSIONS = (1_000, 10_000, 100_000)
EPSILONS = (0.1, 0.5, 1.0)
DELTA = 1e-7
SEED = 20_261_127

KEYS, KEYS_PER_SESSION = 64, 4
SUCCESS_PERCENT = 97.4
SPEND_BOUNDS = (0, 50)
LATENCY_BOUNDS_MS = (1.0, 60_000.0)
QUANTILES = (0.50, 0.95, 0.99)
CANDIDATES_MS = np.geomspace(*LATENCY_BOUNDS_MS, 512).tolist()

SECONDS = 1.6  # aimed at for one mechanism in one row
RELEASES = (200, 20_000)  # at least, at most


@dataclass(frozen=True)
class Workload:
    """The rows of n sessions, and what is asked of them."""

    name: str
    sessions: int
    keys: np.ndarray  # the cell of each row; the rows of a session are adjacent
    cells: int
    keys_per_session: int = 1
    values: np.ndarray | None = None  # spend, or latency in ms; None: rows are counted
    bounds: tuple | None = None  # what values are clamped to

    @property
    def truth(self):
        """What noise is added to: counts, or the sum of clamped values, of each cell."""
        clamped = None if self.values is None else np.clip(self.values, *self.bounds)
        return np.bincount(self.keys, clamped, self.cells).astype(np.int64)

    @property
    def most(self):
        """By how much one session changes one cell at most."""
        return 1 if self.values is None else self.bounds[1]

    def errors(self, answers):
        """Errors of all releases, one row each, in the workload's unit."""
        answers = np.asarray(answers, dtype=float)
        if self.name == "quantiles":
            return rank_errors(np.sort(self.values), answers)
        if self.name == "rate":
            return 100 * answers[:, :1] / answers.sum(axis=1, keepdims=True) - SUCCESS_PERCENT
        return answers - self.truth


def rank_errors(ordered, answers):
    """How far each answer's rank is from the quantile asked for, in percentage points; 0 anywhere within a tie."""
    below = np.searchsorted(ordered, answers, "left") / len(ordered)
    up_to = np.searchsorted(ordered, answers, "right") / len(ordered)
    asked = np.array(QUANTILES)
    return 100 * np.maximum(0, np.maximum(asked - up_to, below - asked))


def count(n, _):
    """One cell of n sessions."""
    return Workload("count", n, np.zeros(n, int), 1)


def histogram(n, random):
    """Four different keys of 64 a session, drawn one after the other with weights 1/rank (Gumbel top-k)."""
    weighed = -np.log(np.arange(1, KEYS + 1)) + random.gumbel(size=(n, KEYS))
    touched = np.argpartition(-weighed, KEYS_PER_SESSION, axis=1)[:, :KEYS_PER_SESSION]
    return Workload("histogram", n, touched.ravel(), KEYS, KEYS_PER_SESSION)


def rate(n, _):
    """97.4 % of n sessions in cell 0, successes; the rest in cell 1."""
    return Workload("rate", n, (np.arange(n) >= round(n * SUCCESS_PERCENT / 100)).astype(int), 2)


def quantiles(n, random):
    """Latencies in ms, lognormal with median 200 and sigma 1, clipped."""
    latencies = np.clip(random.lognormal(np.log(200), 1, n), *LATENCY_BOUNDS_MS)
    return Workload("quantiles", n, np.zeros(n, int), 1, 1, latencies, LATENCY_BOUNDS_MS)


def spend(n, random):
    """Uniform integers from 0 to 80, clamped to 50."""
    return Workload("sum", n, np.zeros(n, int), 1, 1, random.integers(0, 81, n), SPEND_BOUNDS)


WORKLOADS = (count, histogram, rate, quantiles, spend)


# Each peer lists (mechanism, what a release starts from, release); release() answers for each cell or each quantile.


def of_opendp(work, epsilon):
    """OpenDP: integer noise on the cells as one vector; each quantile chosen from the candidates."""
    if work.name == "quantiles":
        rows = dp.vector_domain(dp.atom_domain(T="f64", nan=False)), dp.symmetric_distance()

        def choose(quantile):
            def make(scale):
                return dp.m.make_private_quantile(*rows, dp.max_divergence(), CANDIDATES_MS, quantile, scale)

            return dp.binary_search_chain(make, d_in=1, d_out=epsilon / len(QUANTILES))

        chosen = [choose(quantile) for quantile in QUANTILES]
        name = "make_private_quantile (noisy max), epsilon/3 each"
        return [(name, "rows", lambda: [choice(work.values) for choice in chosen])]

    cells = dp.vector_domain(dp.atom_domain(T="i64"))
    truth = work.truth
    l1 = work.keys_per_session * work.most

    def make_gaussian(scale):
        noise = dp.m.make_gaussian(cells, dp.l2_distance(T="f64"), scale)
        return dp.c.make_fix_delta(dp.c.make_zCDP_to_approxDP(noise), DELTA)

    laplace = dp.m.make_laplace(cells, dp.l1_distance(T="i64"), scale=l1 / epsilon)
    assert laplace.map(l1) <= epsilon * (1 + 1e-12)
    offers = [("discrete Laplace", "aggregate", lambda: laplace(truth))]
    if work.name == "histogram":
        l2 = work.keys_per_session**0.5 * work.most
        gaussian = dp.binary_search_chain(make_gaussian, d_in=l2, d_out=(epsilon, DELTA))
        offers.append(("discrete Gaussian", "aggregate", lambda: gaussian(truth)))
    return offers


def of_python_dp(work, epsilon):
    """Google's C++ library. Its algorithms answer once: each release makes new ones and merges the ready summaries."""
    if work.name == "quantiles":
        latencies = work.values.tolist()

        def percentile(quantile):
            asked = laplacian.Percentile(epsilon / len(QUANTILES), quantile, *work.bounds, dtype="float")
            return asked.quick_result(latencies)

        name = "Percentile (noisy binary search), epsilon/3 each"
        return [(name, "rows", lambda: [percentile(quantile) for quantile in QUANTILES])]

    def algorithm():
        touched = dict(l0_sensitivity=work.keys_per_session, dtype="int64")
        if work.values is None:
            return laplacian.Count(epsilon, linf_sensitivity=1, **touched)
        return laplacian.BoundedSum(epsilon, 0, *work.bounds, **touched)

    def summary(cell):
        read = algorithm()
        read.add_entries((work.keys if work.values is None else work.values)[work.keys == cell].tolist())
        return read.serialize()

    def release(ready):
        fresh = algorithm()
        fresh.merge(ready)
        return fresh.result()

    summaries = [summary(cell) for cell in range(work.cells)]
    name = type(algorithm()).__name__
    offers = [(f"Laplace ({name})", "aggregate", lambda: [release(ready) for ready in summaries])]
    if work.name == "histogram":
        l2 = work.keys_per_session**0.5 * work.most
        gaussian = numerical_mechanisms.GaussianMechanism(epsilon, DELTA, l2)
        truth = work.truth.tolist()
        offers.append(("Gaussian", "aggregate", lambda: [gaussian.add_noise(cell) for cell in truth]))
    return offers


def pipeline_params(work, noise):
    """What pipeline-dp is asked for."""
    if work.name == "quantiles":
        metrics = [pipeline_dp.Metrics.PERCENTILE(100 * quantile) for quantile in QUANTILES]
    else:
        metrics = [pipeline_dp.Metrics.COUNT if work.values is None else pipeline_dp.Metrics.SUM]
    lower, upper = work.bounds or (None, None)
    once = dict(max_partitions_contributed=work.keys_per_session, max_contributions_per_partition=1)
    return pipeline_dp.AggregateParams(metrics=metrics, noise_kind=noise, min_value=lower, max_value=upper, **once)


def of_pipeline_dp(work, epsilon):
    """PipelineDP: the combiner its engine would make, asked again and again about cells accumulated once."""

    def release_with(noise, delta):
        accountant = pipeline_dp.NaiveBudgetAccountant(epsilon, delta)
        combiner = create_compound_combiner(pipeline_params(work, noise), accountant)
        accountant.compute_budgets()
        rows = np.ones(len(work.keys)) if work.values is None else work.values
        ready = [combiner.create_accumulator(rows[work.keys == cell]) for cell in range(work.cells)]
        return lambda: [answer for cell in ready for answer in combiner.compute_metrics(cell)]

    tree = " (one quantile tree for all three)" if work.name == "quantiles" else ""
    offers = [("Laplace" + tree, "aggregate", release_with(pipeline_dp.NoiseKind.LAPLACE, 0))]
    if work.name == "histogram":
        offers.append(("Gaussian", "aggregate", release_with(pipeline_dp.NoiseKind.GAUSSIAN, DELTA)))
    return offers


def pipeline_whole(work):
    """pipeline-dp's local engine, ready to go from rows to answers."""
    values = [1] * len(work.keys) if work.values is None else work.values.tolist()
    sessions = np.repeat(np.arange(work.sessions), work.keys_per_session).tolist()
    rows = list(zip(sessions, work.keys.tolist(), values))
    extractors = pipeline_dp.DataExtractors(*(operator.itemgetter(column) for column in (0, 1, 2)))
    params = pipeline_params(work, pipeline_dp.NoiseKind.LAPLACE)

    def run():
        accountant = pipeline_dp.NaiveBudgetAccountant(1.0, 0)
        engine = pipeline_dp.DPEngine(accountant, pipeline_dp.LocalBackend())
        answers = engine.aggregate(rows, params, extractors, public_partitions=list(range(work.cells)))
        accountant.compute_budgets()
        return list(answers)

    return run


PEERS = {"opendp": of_opendp, "python-dp": of_python_dp, "pipeline-dp": of_pipeline_dp}


def timed(release, times):
    """The answers of that many releases, and the wall time of each in microseconds."""
    answers, micros = [], []
    for _ in range(times):
        began = time.perf_counter_ns()
        answer = release()
        micros.append((time.perf_counter_ns() - began) / 1000)
        answers.append(answer)
    return answers, np.array(micros)


def measured(work, mechanism, start, release):
    """One mechanism's part of a row."""
    _, tried = timed(release, 10)
    answers, micros = timed(release, int(np.clip(SECONDS * 1e6 / np.median(tried), *RELEASES)))
    errors = np.abs(work.errors(answers))
    if work.name == "quantiles":
        found = dict(zip(("p50", "p95", "p99"), np.median(errors, axis=0)))
    else:
        found = {"rmse": np.sqrt(np.mean(errors**2)), "abs95": np.quantile(errors, 0.95)}
    found["micros"] = np.median(micros)
    numbers = {name: rounded(value) for name, value in found.items()}
    return {"releases": len(answers), **numbers, "from": start, "mechanism": mechanism}


def rounded(value):
    """To five digits."""
    return float(f"{value:.5g}")


def main():
    dp.enable_features("contrib")
    rows = []
    for position, make in enumerate(WORKLOADS):
        for n in SESSIONS:
            work = make(n, np.random.default_rng([SEED, position, n]))
            whole_micros = rounded(np.median(timed(pipeline_whole(work), 3)[1]))
            for epsilon in EPSILONS:
                for peer, offers in PEERS.items():
                    found = [measured(work, *offer) for offer in offers(work, epsilon)]
                    best = min(found, key=lambda one: one.get("rmse", 0))
                    row = {"workload": work.name, "n": n, "epsilon": epsilon, "peer": peer, **best}
                    if peer == "pipeline-dp":
                        row["whole_micros"] = whole_micros
                    rows.append(row)
                    print(*row.values(), file=sys.stderr, flush=True)
    versions = {name: importlib.metadata.version(name) for name in (*PEERS, "numpy")}
    versions["python"] = platform.python_version()
    json.dump({"versions": versions, "rows": rows}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
