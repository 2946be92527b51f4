"""The simulated chart as a page for people.  Pure."""

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

LABEL = "Simulator"

STYLE = """
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1c2733; }
body { margin: 0 auto; max-width: 70rem; padding: 0 1rem 3rem; background: #f6f7f9; }
.label { margin: 0 -1rem; padding: .6rem 1rem; background: #7a4b00; color: #fff; font-weight: 600; }
h1 { margin: 1.2rem 0 .2rem; font-size: 1.5rem; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; background: #fff; border-radius: .5rem; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top; }
th { font-size: .85rem; color: #51606f; border-bottom: 1px solid #d9dfe5; }
tr + tr td { border-top: 1px solid #eceff2; }
pre { margin: 0; white-space: pre-wrap; font: inherit; }
code { font-size: .8rem; color: #51606f; }
.none { color: #51606f; }
"""


def page(everything: Callable[[str], Sequence[Mapping[str, Any]]]) -> str:
    """Write the page.

    Args:
        everything: Lists the current resources of one type.
    """
    patients = {f"Patient/{one['id']}": _name(one) for one in everything("Patient")}
    providers = {f"Practitioner/{one['id']}": _name(one) for one in everything("Practitioner")}
    encounters = [_encounter(one, patients, providers) for one in everything("Encounter")]
    notes = [_note(one, patients) for one in everything("DocumentReference")]
    people = [
        (_name(one), one.get("birthDate", ""), _identifier(one)) for one in everything("Patient")
    ]
    sections = (
        _section(
            "Visits", ("Patient", "Provider", "From", "To", "Class", "Our number"), encounters
        ),
        _section("Notes", ("Patient", "Signed", "Text", "Belongs to"), notes),
        _section("Patients", ("Name", "Born", "Record number"), people),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{LABEL}: chart (EHR)</title>"
        '<link rel="stylesheet" href="/style.css"></head><body>'
        f'<p class="label">{LABEL}. This is no medical record system, and nobody here is real.</p>'
        "<main><h1>Simulated chart (EHR)</h1>"
        "<p>What the telehealth service wrote, by FHIR R4 at <code>/fhir</code>. "
        'Everything received, refused or repeated: <a href="/ledger">ledger</a>.</p>'
        f"{''.join(sections)}</main></body></html>"
    )


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = "".join(
        "<tr>" + "".join(f"<td><pre>{html.escape(str(cell))}</pre></td>" for cell in row) + "</tr>"
        for row in rows
    )
    if not lines:
        return f'<h2>{title}</h2><p class="none">None yet.</p>'
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<h2>{title}</h2><div class="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _encounter(
    one: Mapping[str, Any], patients: Mapping[str, str], providers: Mapping[str, str]
) -> Sequence[object]:
    subject = one.get("subject", {}).get("reference", "")
    seen_by = [
        providers.get(part.get("individual", {}).get("reference", ""), "")
        for part in one.get("participant", [])
    ]
    period = one.get("period", {})
    return (
        patients.get(subject, subject),
        ", ".join(seen_by),
        _when(period.get("start", "")),
        _when(period.get("end", "")),
        f"{one['class'].get('code', '')} ({one['status']})",
        _identifier(one),
    )


def _note(one: Mapping[str, Any], patients: Mapping[str, str]) -> Sequence[object]:
    subject = one.get("subject", {}).get("reference", "")
    data = one["content"][0]["attachment"].get("data", "")
    text = base64.b64decode(data).decode("utf-8", errors="replace")
    belongs_to = [link.get("reference", "") for link in one.get("context", {}).get("encounter", [])]
    return patients.get(subject, subject), _when(one.get("date", "")), text, ", ".join(belongs_to)


def _when(instant: str) -> str:
    return instant.replace("T", " ").replace("Z", " UTC")


def _name(one: Mapping[str, Any]) -> str:
    name = (one.get("name") or [{}])[0]
    return " ".join([*name.get("given", []), name.get("family", "")])


def _identifier(one: Mapping[str, Any]) -> str:
    return ", ".join(known.get("value", "") for known in one.get("identifier", []))
