"""Addresses of orchestrator's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from orchestrator.views import agent_editor, agents, control, starts, tools, workflow_editor, workflows

app_name = "orchestrator"
urlpatterns: list[URLPattern] = [
    path("runs/new/", starts.new_run, name="new_run"),
    path("workflows/", workflows.workflows, name="workflows"),
    path("workflows/new/", workflow_editor.new_workflow, name="new_workflow"),
    path("workflows/preview/", workflow_editor.preview_workflow, name="preview_workflow"),
    path("workflows/<slug:slug>/", workflows.workflow, name="workflow"),
    path("workflows/<slug:slug>/start/", starts.start_run, name="start_run"),
    path("workflows/<slug:slug>/edit/", workflow_editor.edit_workflow, name="edit_workflow"),
    path("workflows/<slug:slug>/compare/", workflows.compare_workflow, name="compare_workflow"),
    path("workflows/<slug:slug>/retire/", workflows.retire_workflow, name="retire_workflow"),
    path("agents/", agents.agents, name="agents"),
    path("agents/new/", agent_editor.new_agent, name="new_agent"),
    path("agents/preview/", agent_editor.preview_agent, name="preview_agent"),
    path("agents/<slug:slug>/", agents.agent, name="agent"),
    path("agents/<slug:slug>/edit/", agent_editor.edit_agent, name="edit_agent"),
    path("agents/<slug:slug>/compare/", agents.compare_agent, name="compare_agent"),
    path("agents/<slug:slug>/retire/", agents.retire_agent, name="retire_agent"),
    path("tools/", tools.tools, name="tools"),
    path("tools/new/", tools.new_tool, name="new_tool"),
    path("tools/preview/", tools.preview_tool, name="preview_tool"),
    path("tools/outside/", tools.outside_tools, name="outside_tools"),
    path("tools/<str:name>/", tools.tool, name="tool"),
    path("tools/<str:name>/edit/", tools.edit_tool, name="edit_tool"),
    path("tools/<str:name>/compare/", tools.compare_tool, name="compare_tool"),
    # A person's control of a run.
    path("runs/<uuid:run>/pause", control.pause, name="pause_run"),
    path("runs/<uuid:run>/resume", control.resume, name="resume_run"),
    path("runs/<uuid:run>/cancel", control.cancel, name="cancel_run"),
    path("runs/<uuid:run>/actions/<slug:action>/confirm", control.confirm, name="confirm_action"),
]
