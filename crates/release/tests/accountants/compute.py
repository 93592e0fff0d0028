#!/usr/bin/env python3
"""What other accountants say of Gaussian noise, as ε at δ = 10⁻⁷, for `golden.json`.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python compute.py

Each row is a price ρ, paid once for sensitivity 1 and scale √(1/2ρ), on a number of days: what the
privacy loss distributions of dp-accounting and of prv-accountant come to, and Rényi orders of
dp-accounting. With a file as argument, rows are compared with it instead of printed.
"""

import json
import math
import pathlib
import sys

from dp_accounting import dp_event
from dp_accounting.pld import pld_privacy_accountant
from dp_accounting.rdp import rdp_privacy_accountant
from prv_accountant import PRVAccountant
from prv_accountant.privacy_random_variables import GaussianMechanism

DELTA = 1e-7
ROWS = [(0.001, 1), (0.005, 1), (0.005, 30), (0.005, 365), (0.02, 1), (0.02, 30), (0.125, 1), (0.5, 1), (2.0, 1)]


def row(rho, days):
    scale = math.sqrt(1 / (2 * rho))
    event = dp_event.SelfComposedDpEvent(dp_event.GaussianDpEvent(scale), days)
    pld, rdp = pld_privacy_accountant.PLDAccountant(), rdp_privacy_accountant.RdpAccountant()
    prv = PRVAccountant(prvs=GaussianMechanism(noise_multiplier=scale), max_self_compositions=days,
                        eps_error=0.01, delta_error=1e-10)
    _, estimate, _ = prv.compute_epsilon(delta=DELTA, num_self_compositions=[days])
    return {
        "rho": rho,
        "days": days,
        "pld": round(pld.compose(event).get_epsilon(DELTA), 4),
        "prv": round(float(estimate), 4),
        "rdp": round(rdp.compose(event).get_epsilon(DELTA), 4),
    }


rows = [row(*of) for of in ROWS]
if sys.argv[1:]:
    golden = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for met, due in zip(rows, golden, strict=True):
        near = all(math.isclose(met[of], due[of], rel_tol=0.01, abs_tol=0.011) for of in due)
        if not near:
            sys.exit(f"accountants say {met} now, and said {due}")
    print(f"{len(rows)} rows are as they were")
else:
    print(json.dumps(rows, indent=1))
