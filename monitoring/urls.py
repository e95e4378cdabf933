"""Addresses of the pages that show what happens: Overview, Runs, Run."""

from __future__ import annotations

from django.urls import URLPattern, path

from monitoring.views import audit, audit_record, commitments, events, files, overview, run, runs

app_name = "monitoring"
urlpatterns: list[URLPattern] = [
    path("", overview.overview, name="overview"),
    path("runs/", runs.runs, name="runs"),
    path("runs/commitments/", commitments.commitments, name="commitments"),
    path("runs/<uuid:run>/", run.trace, name="run"),
    path("runs/<uuid:run>/actions/", run.actions, name="run_actions"),
    path("runs/<uuid:run>/outputs/", run.outputs, name="run_outputs"),
    path("runs/<uuid:run>/cost/", run.cost, name="run_cost"),
    path("runs/<uuid:run>/log/", run.log, name="run_log"),
    path("runs/<uuid:run>/files/", run.files, name="run_files"),
    path("runs/<uuid:run>/files/<int:number>", files.download, name="run_file"),
    path("runs/<uuid:run>/outputs/<slug:stage>.json", files.output, name="run_output"),
    path("runs/<uuid:run>/events", events.page, name="run_events"),
    path("runs/<uuid:run>/events/<int:seq>/", events.drawer, name="run_event"),
    path("runs/<uuid:run>/events/<int:seq>/<slug:name>.json", events.content, name="run_event_content"),
    path("audit/", audit.search, name="audit"),
    path("audit/actions/<uuid:run>/<slug:action>/", audit.chain, name="audit_chain"),
    path("audit/record/", audit_record.record, name="audit_record"),
    path("audit/record/verify", audit_record.verify, name="audit_verify"),
    path("audit/record/checkpoint", audit_record.checkpoint, name="audit_checkpoint"),
    path("audit/record/export", audit_record.export, name="audit_export"),
    path("audit/record/erase", audit_record.erase, name="audit_erase"),
    path("audit/record/verifier.py", audit_record.verifier, name="audit_verifier"),
]
