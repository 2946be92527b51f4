"""Starts one simulator: `python -m telehealth.sandbox NAME`."""

import argparse
import json
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from telehealth.sandbox import message_sink
from telehealth.sandbox.ehr import make_app
from telehealth.sandbox.ehr_sign_in import SignIn
from telehealth.sandbox.ehr_store import Store
from telehealth.sandbox.faults import Faults, Plan

_PEOPLE = Path(__file__).with_name("people.json")


def main() -> None:
    """Parse, start, serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m telehealth.sandbox")
    simulators = parser.add_subparsers(dest="name", required=True)
    ehr = simulators.add_parser("ehr", help="an EHR that speaks a subset of FHIR R4")
    ehr.add_argument("--listen", default="127.0.0.1:0", help="address and port; port 0: any free")
    ehr.add_argument("--data", type=Path, help="file in which everything is kept")
    ehr.add_argument("--faults", help="SEED:PLAN, such as 7:lost=0.2,outage@3")
    ehr.add_argument("--client-id", default="telehealth", help="the one registered client")
    ehr.add_argument(
        "--client-key", type=Path, help="its JSON Web Key (set); without one no sign-in is asked"
    )
    ehr.add_argument("--people", type=Path, default=_PEOPLE, help="people the chart knows")
    sink = simulators.add_parser("message-sink", help="takes texts and e-mails and sends none")
    sink.add_argument("--listen", default="127.0.0.1:0", help="address and port; port 0: any free")
    sink.add_argument("--account", default="AC" + 32 * "0", help="the one account")
    sink.add_argument("--token-file", type=Path, required=True, help="holds its auth token")
    sink.add_argument("--faults", help="SEED:PLAN, such as 7:lost=0.2,outage@3")
    options = parser.parse_args()
    if options.name == "ehr":
        _run_ehr(options)
    else:
        _run_message_sink(options)


def _listen(where: str) -> tuple[socket.socket, str]:
    address, _, port = where.rpartition(":")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen(128)
    return listener, f"http://{address}:{listener.getsockname()[1]}"


def _serve(app: Starlette, listener: socket.socket) -> None:
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def _run_message_sink(options: argparse.Namespace) -> None:
    listener, origin = _listen(options.listen)
    plan = Plan.parse(options.faults) if options.faults else None
    token = options.token_file.read_text().strip()
    app = message_sink.make_app(account=options.account, token=token, faults=Faults(plan))
    print(f"Simulator: texts and e-mails, readable at {origin}/", flush=True)
    _serve(app, listener)


def _run_ehr(options: argparse.Namespace) -> None:
    listener, origin = _listen(options.listen)
    store = Store(options.data)
    store.preload(json.loads(options.people.read_text()))
    sign_in = None
    if options.client_key is not None:
        sign_in = SignIn.from_file(
            options.client_key, client_id=options.client_id, token_url=f"{origin}/token"
        )
    plan = Plan.parse(options.faults) if options.faults else None
    app = make_app(store, origin=origin, sign_in=sign_in, faults=Faults(plan))
    print(f"Simulator: EHR at {origin}/fhir, readable at {origin}/", flush=True)
    _serve(app, listener)


if __name__ == "__main__":
    main()
