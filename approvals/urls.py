"""Addresses of the inbox, of each case in it, and of policies. Deciding is a POST of its own; a GET never decides."""

from __future__ import annotations

from django.urls import path

from approvals import views
from approvals.views import policies, policy_editor

app_name = "approvals"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/rows/", views.inbox_rows, name="inbox_rows"),
    path("inbox/sign-off/", views.sign_off_many, name="sign_off_many"),
    path("inbox/filters/", views.keep_filter, name="keep_filter"),
    path("inbox/filters/<int:filter>/drop/", views.drop_filter, name="drop_filter"),
    path("inbox/statistics/", views.statistics, name="statistics"),
    path("inbox/canaries/", views.canary_list, name="canaries"),
    path("inbox/canaries/like/<uuid:like>/", views.plant_canary, name="plant_canary"),
    path("inbox/<uuid:request_id>/", views.case, name="case"),
    path("inbox/<uuid:request_id>/sign-off/", views.sign_off, name="sign_off"),
    path("policies/", policies.policy_list, name="policies"),
    path("policies/new/", policy_editor.new_policy, name="new_policy"),
    path("policies/preview/", policy_editor.preview_policy, name="preview_policy"),
    path("policies/try/", policy_editor.try_policy, name="try_policy"),
    path("policies/dry-run/", policy_editor.dry_run_policy, name="dry_run_policy"),
    path("policies/<str:slug>/", policies.policy, name="policy"),
    path("policies/<str:slug>/edit/", policy_editor.edit_policy, name="edit_policy"),
    path("policies/<str:slug>/compare/", policies.compare_policy, name="compare_policy"),
    path("policies/<str:slug>/drop-draft/", policy_editor.drop_draft, name="drop_draft"),
    path("agents/<slug:slug>/tokens/", views.agent_tokens, name="agent_tokens"),
    path("account/tokens/", views.own_tokens, name="own_tokens"),
    path("inbox/<uuid:request_id>/retract/", views.retract, name="retract"),
    path("inbox/<uuid:request_id>/revoke/", views.revoke, name="revoke"),
    path("inbox/<uuid:request_id>/ask/", views.ask, name="ask"),
    path("inbox/<uuid:request_id>/pick-up/", views.pick_up, name="pick_up"),
    path("inbox/<uuid:request_id>/let-go/", views.let_go, name="let_go"),
    path("inbox/<uuid:request_id>/snooze/", views.snooze, name="snooze"),
    path("inbox/<uuid:request_id>/wake/", views.wake, name="wake"),
    path("inbox/<uuid:request_id>/break-glass/", views.break_glass, name="break_glass"),
    path("inbox/<uuid:request_id>/change/", views.change, name="change"),
    path("samples/", views.samples, name="samples"),
    path("grants/", views.grants, name="grants"),
    path("grants/<uuid:grant>/approve/", views.approve_grant, name="approve_grant"),
    path("grants/<uuid:grant>/revoke/", views.revoke_grant, name="revoke_grant"),
    path("delegations/", views.delegations, name="delegations"),
    path("delegations/<uuid:delegation>/end/", views.end_delegation, name="end_delegation"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/browser/", views.browser_notices, name="browser_notices"),
    path("outgoing/", views.outgoing, name="outgoing"),
    path("outgoing/groups/<str:group>/", views.group_notifications, name="group_notifications"),
    path("outgoing/notices/<int:notice>/again/", views.retry_notice, name="retry_notice"),
    path("outgoing/<uuid:hook>/", views.hook, name="hook"),
]
