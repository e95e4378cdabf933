"""Agents, workflows and tools with their immutable revisions, as rows of the streams that published them."""

from __future__ import annotations

from django.db import models

from orchestrator.models.stream import KeyField


class Agent(models.Model):
    """A participant, with an accountable human owner that cannot be empty."""

    slug = KeyField(primary_key=True)
    name = models.TextField()
    owner = models.TextField()
    revision = models.IntegerField()
    is_retired = models.BooleanField(db_default=False)
    changed_at = models.DateTimeField()

    class Meta:
        permissions = [("publish_agent", "May publish agents and tools")]
        constraints = [models.CheckConstraint(condition=~models.Q(owner=""), name="agent_has_owner")]

    def __str__(self) -> str:
        return self.name


class AgentRevision(models.Model):
    """Immutable published settings of an agent, named by the digest of their canonical JSON."""

    id = KeyField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    revision = models.IntegerField()
    digest = models.TextField()
    spec = models.TextField()
    published_by = models.TextField()
    published_at = models.DateTimeField()
    notes = models.TextField()


class Tool(models.Model):
    """A tool by name, as an administrator declared it."""

    name = KeyField(primary_key=True)
    version = models.IntegerField()
    changed_at = models.DateTimeField()


class ToolRevision(models.Model):
    """Immutable declaration of a tool."""

    id = KeyField(primary_key=True)
    tool = models.ForeignKey(Tool, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    version = models.IntegerField()
    digest = models.TextField()
    spec = models.TextField()
    published_by = models.TextField()
    published_at = models.DateTimeField()


class Workflow(models.Model):
    """A named arrangement of agents in a pattern."""

    slug = KeyField(primary_key=True)
    name = models.TextField()
    owner = models.TextField()
    pattern = models.TextField()
    revision = models.IntegerField()
    is_retired = models.BooleanField(db_default=False)
    changed_at = models.DateTimeField()

    class Meta:
        permissions = [("publish_workflow", "May publish workflows")]
        constraints = [models.CheckConstraint(condition=~models.Q(owner=""), name="workflow_has_owner")]

    def __str__(self) -> str:
        return self.name


class WorkflowRevision(models.Model):
    """Immutable published settings of a workflow, with every agent and tool it pins."""

    id = KeyField(primary_key=True)
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    revision = models.IntegerField()
    digest = models.TextField()
    spec = models.TextField()
    published_by = models.TextField()
    published_at = models.DateTimeField()
    notes = models.TextField()
