"""What of a visit is written into the patient's chart at the EHR, and when.

When a visit is done, its chart receives one Encounter (a virtual one, finished, with its true
times) and, if a note was signed, that note (`mapping.py`; FHIR R4, US Core).  Both carry our visit
id as business identifier, and the EHR is asked to create each only if it has none with that
identifier, so a repeat changes nothing there (`fhir_client.py`).

The patient is found by medical record number, exactly one, with the same birth date; nobody is
ever created.  When the chart knows no such patient, or several, nothing is sent and a person sees
why (`actions.py`).  Where the things of a visit lie in the chart is remembered (`tables.py`).
No way into a call ever goes into the chart.
"""
