"""`make load`: starts a demo in a folder of its own, runs a locust profile, prints the medians.

Everything is on loopback and ends by itself after LOAD_SECONDS (30) with LOAD_USERS (21).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.e2e.product import RunningProduct

_BUILD = Path(__file__).parents[1] / "build"


def main() -> None:
    """Run the profile and write build/load.json."""
    _BUILD.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningProduct(Path(folder) / "data") as product,
    ):
        stem = Path(folder) / "locust"
        command = [
            *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
            *("-f", str(Path(__file__).parent / "users" / "clinic_day.py")),
            *("--host", product.origin),
            *("--users", os.environ.get("LOAD_USERS", "21"), "--spawn-rate", "7"),
            *("--run-time", f"{os.environ.get('LOAD_SECONDS', '30')}s"),
            *("--csv", str(stem)),
        ]
        subprocess.run(  # noqa: S603  (our own command, on loopback)
            command,
            env={**os.environ, "DEMO_JSON": str(product.data / "demo.json")},
            check=True,
        )
        rows = _rows(stem.with_name("locust_stats.csv"))
    (_BUILD / "load.json").write_text(json.dumps(rows, indent=1))
    for row in rows:
        print(
            f"{row['name']:40} {row['requests']:>6} requests  "
            f"p50 {row['p50_ms']} ms  p99 {row['p99_ms']} ms  failed {row['failures']}"
        )


def _rows(path: Path) -> list[dict[str, object]]:
    header, *lines = (line.split(",") for line in path.read_text().splitlines())
    return [
        {
            "name": row["Name"],
            "requests": int(row["Request Count"]),
            "failures": int(row["Failure Count"]),
            "p50_ms": row["50%"],
            "p99_ms": row["99%"],
        }
        for row in (dict(zip(header, line, strict=True)) for line in lines)
    ]


if __name__ == "__main__":
    main()
