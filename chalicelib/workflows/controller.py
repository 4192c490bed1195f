"""Requests about workflows become one service call."""

from __future__ import annotations

from typing import cast

from chalicelib.api import Request
from chalicelib.errors import NotFoundError
from chalicelib.paging import Page, Paged

from .schemas import (
    CloneTemplate,
    CreateWorkflow,
    ListWorkflows,
    Merge,
    Merged,
    Rollback,
    TemplateRow,
    UpdateWorkflow,
    Validate,
    Validated,
    VersionDetail,
    VersionRow,
    WorkflowAnswer,
    WorkflowDetail,
    WorkflowRow,
)
from .service import WorkflowService


class WorkflowController:
    """One method an endpoint."""

    def __init__(self, service: WorkflowService) -> None:
        self._service = service

    def list_workflows(self, request: Request, query: ListWorkflows) -> Paged[WorkflowRow]:
        """A page of workflows."""
        return self._service.list_workflows(request.workspace_id, query, query.is_template)

    def create(self, request: Request, new: CreateWorkflow) -> WorkflowAnswer:
        """The workflow."""
        return _answer(request, self._service.create(request.workspace_id, request.user_id, new))

    def get(self, request: Request) -> WorkflowAnswer:
        """The workflow with its current graph."""
        return _answer(request, self._service.get(request.workspace_id, request.id("workflow_id")))

    def update(self, request: Request, change: UpdateWorkflow) -> WorkflowAnswer:
        """The workflow as it is now."""
        return _answer(request, self._service.update(request.workspace_id, request.id("workflow_id"), change))

    def delete(self, request: Request) -> None:
        """Nothing is left of it."""
        self._service.delete(request.workspace_id, request.id("workflow_id"))

    def list_versions(self, request: Request, page: Page) -> Paged[VersionRow]:
        """A page of versions."""
        return self._service.list_versions(request.workspace_id, request.id("workflow_id"), page)

    def get_version(self, request: Request) -> VersionDetail:
        """The version with its graph."""
        number = request.path["version"]
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise NotFoundError(f"there is no version {number[:50]}")
        return self._service.get_version(request.workspace_id, request.id("workflow_id"), int(number))

    def rollback(self, request: Request, target: Rollback) -> WorkflowAnswer:
        """The workflow with its new version."""
        return _answer(request, self._service.rollback(request.workspace_id, request.id("workflow_id"), target))

    def merge(self, request: Request, edit: Merge) -> Merged:
        """The graph that has both edits, for the caller to save."""
        return self._service.merge(request.workspace_id, request.id("workflow_id"), edit)

    def validate(self, request: Request, drawn: Validate) -> Validated:
        """What a run of a graph would cost that could be saved."""
        return Validated(certificate=self._service.validate(request.workspace_id, drawn.graph_definition))

    def list_templates(self, request: Request, page: Page) -> Paged[TemplateRow]:
        """A page of templates."""
        return self._service.list_templates(request.workspace_id, page)

    def clone_template(self, request: Request, clone: CloneTemplate) -> WorkflowAnswer:
        """The new workflow."""
        workflow = self._service.clone_template(request.workspace_id, request.user_id, request.id("template_id"), clone)
        return _answer(request, workflow)


def _answer(request: Request, workflow: WorkflowDetail) -> WorkflowAnswer:
    webhook = workflow["webhook"]
    shown = {"url": request.webhook_url(webhook["token"]), "enabled": webhook["enabled"]} if webhook else None
    return cast("WorkflowAnswer", {**workflow, "webhook": shown})
