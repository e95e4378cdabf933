"""The run that a fresh installation begins with: the example files, taken by the example's agents until people
are asked. It is started once, by the operator, so that every reviewer may sign off.
"""

from __future__ import annotations

import datetime as dt

from config.people import User
from orchestrator.queries.figures import has_run
from orchestrator.queries.published import find_workflow
from orchestrator.services import declarations, files, runs

WORKFLOW = "invoice_settlement"
STARTED_BY = "operator"
KEY = "the example run of a fresh installation"
TITLE = "The example invoices"


def is_fresh() -> bool:
    """Whether this is an installation without a past: the example was never published, and nothing ever ran."""
    return find_workflow(WORKFLOW) is None and not has_run()


def start(*, now: dt.datetime) -> str:
    """Start it; returns the run, the same one however often this is called. Empty when there is nothing to start
    it with. Raises what starting a run raises."""
    person = User.objects.filter(username=STARTED_BY, is_active=True).first()
    example = declarations.example_files(WORKFLOW)
    if person is None or example is None or find_workflow(WORKFLOW) is None:
        return ""
    return runs.start_run(
        workflow=WORKFLOW,
        inputs={"files": files.keep_files(files=files.read_folder(example.folder))},
        key=KEY,
        by=person,
        now=now,
        title=TITLE,
    )
