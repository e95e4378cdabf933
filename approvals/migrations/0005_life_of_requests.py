"""Ordered levels, sign-offs that may be taken back, reminders, questions, delegations, standing grants.

What stands in the tables already is brought into the new shape as the log would give it.
"""

import datetime

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

FILL = """
SET LOCAL countersign.rebuilding = on;
UPDATE approvals_approvalrequest SET
    remind_at = opened_at + (decide_by - opened_at) / 2,
    escalate_at = opened_at + (decide_by - opened_at) * 0.8;
UPDATE approvals_signoff SET number = counted.number FROM (
    SELECT id, row_number() OVER (PARTITION BY request_id ORDER BY id) AS number FROM approvals_signoff
) AS counted WHERE counted.id = approvals_signoff.id;
SET LOCAL countersign.rebuilding = off;
SET CONSTRAINTS ALL IMMEDIATE;
"""
# A sign-off is only ever taken back, once.
GUARD = """
DROP TRIGGER approvals_append_only ON approvals_signoff;
CREATE FUNCTION approvals_sign_off_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('countersign.rebuilding', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.retracted_at IS NULL AND NEW.retracted_at IS NOT NULL
        AND to_jsonb(NEW) - 'retracted_at' = to_jsonb(OLD) - 'retracted_at' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a sign-off is never changed or removed' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER approvals_sign_off_guard BEFORE UPDATE OR DELETE ON approvals_signoff
    FOR EACH ROW EXECUTE FUNCTION approvals_sign_off_guard();
"""
NO_GUARD = """
DROP TRIGGER approvals_sign_off_guard ON approvals_signoff;
DROP FUNCTION approvals_sign_off_guard();
CREATE TRIGGER approvals_append_only BEFORE UPDATE OR DELETE ON approvals_signoff
    FOR EACH ROW EXECUTE FUNCTION approvals_append_only();
"""


def new(model, name, field, default):
    field.default = default
    return migrations.AddField(model, name, field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0004_api_tokens")]

    operations = [
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("person", models.TextField()),
                ("delegate", models.TextField()),
                ("is_leave", models.BooleanField()),
                ("starts_at", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("reason", models.TextField()),
                ("set_by", models.TextField()),
                ("set_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.TextField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["until"], name="delegation_open", condition=Q(ended_at__isnull=True))
                ],
                "constraints": [
                    models.CheckConstraint(condition=~Q(person=F("delegate")), name="delegation_to_another"),
                    models.CheckConstraint(condition=Q(until__gt=F("starts_at")), name="delegation_has_length"),
                    models.CheckConstraint(
                        condition=~Q(delegate="") | Q(is_leave=True), name="delegation_says_what"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StandingGrant",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("agent", models.TextField()),
                ("tool", models.TextField()),
                ("fields", models.JSONField()),
                ("max_amount", models.TextField()),
                ("currency", models.TextField()),
                ("max_uses", models.IntegerField()),
                ("uses", models.IntegerField()),
                ("expires_at", models.DateTimeField()),
                ("reason", models.TextField()),
                ("created_by", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("approved_by", models.TextField()),
                ("approved_at", models.DateTimeField(null=True)),
                ("revoked_by", models.TextField()),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["agent", "tool"], name="grant_of_agent")],
                "constraints": [
                    models.CheckConstraint(
                        condition=~Q(approved_by=F("created_by")), name="grant_by_two_people"
                    ),
                    models.CheckConstraint(
                        condition=Q(uses__gte=0) & Q(uses__lte=F("max_uses")), name="grant_uses_counted"
                    ),
                    models.CheckConstraint(
                        condition=Q(expires_at__lte=F("created_at") + datetime.timedelta(days=90)),
                        name="grant_ends",
                    ),
                    models.CheckConstraint(
                        condition=Q(uses=0) | ~Q(approved_by=""), name="grant_used_when_approved"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PickUp",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pick_up",
                        serialize=False,
                        to="approvals.approvalrequest",
                    ),
                ),
                ("person", models.TextField(unique=True)),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.AlterModelOptions(
            name="approvalrequest",
            options={
                "permissions": [
                    ("sign_off", "May approve and reject held actions"),
                    ("break_glass", "May release a held action past the quorum, with a second person"),
                    ("manage_grants", "May make, approve and revoke standing grants"),
                ]
            },
        ),
        new(
            "approvalrequest",
            "remind_at",
            models.DateTimeField(),
            datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        ),
        new(
            "approvalrequest",
            "escalate_at",
            models.DateTimeField(),
            datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        ),
        migrations.AddField("approvalrequest", "reminded_at", models.DateTimeField(null=True)),
        migrations.AddField("approvalrequest", "escalated_at", models.DateTimeField(null=True)),
        new("approvalrequest", "fault", models.TextField(), ""),
        new("approvalrequest", "questions", models.JSONField(), list),
        new("approvalrequest", "calls", models.JSONField(), list),
        new("approvalrequest", "is_break_glass", models.BooleanField(), False),
        migrations.RemoveConstraint("signoff", "sign_off_once"),
        new("signoff", "number", models.IntegerField(), 0),
        new("signoff", "acting_for", models.TextField(), ""),
        migrations.AddField("signoff", "retracted_at", models.DateTimeField(null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "signoff", models.UniqueConstraint(fields=["request", "number"], name="sign_off_number")
        ),
        migrations.AddConstraint(
            "signoff",
            models.UniqueConstraint(
                fields=["request", "reviewer"], condition=Q(retracted_at__isnull=True), name="sign_off_once"
            ),
        ),
        migrations.AddIndex(
            "approvalrequest",
            models.Index(
                fields=["remind_at"],
                name="request_to_remind",
                condition=Q(status="pending", reminded_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            "approvalrequest",
            models.Index(
                fields=["escalate_at"],
                name="request_to_escalate",
                condition=Q(status="pending", escalated_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            "approvalrequest",
            models.Index(fields=["-decided_at"], name="request_break_glass", condition=Q(is_break_glass=True)),
        ),
        migrations.RunSQL(GUARD, NO_GUARD),
    ]
