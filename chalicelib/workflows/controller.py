"""Requests about workflows become schemas, one service call, a response."""

from __future__ import annotations

from http import HTTPStatus

from chalicelib.api import Request, Response
from chalicelib.errors import NotFoundError
from chalicelib.paging import Page
from chalicelib.requests import flag, parse_body

from .schemas import CloneTemplate, CreateWorkflow, Merge, Rollback, UpdateWorkflow, Validate, WorkflowDetail
from .service import WorkflowService


class WorkflowController:
    """One method an endpoint."""

    def __init__(self, service: WorkflowService) -> None:
        self._service = service

    def list_workflows(self, request: Request) -> Response:
        """`?limit&cursor&is_template`."""
        page, is_template = Page.from_query(request.query), flag(request.query, "is_template")
        return Response(self._service.list_workflows(request.workspace_id, page, is_template))

    def create(self, request: Request) -> Response:
        """201 with the workflow."""
        new = parse_body(request.body, CreateWorkflow)
        workflow = self._service.create(request.workspace_id, request.user_id, new)
        return _response(request, workflow, HTTPStatus.CREATED)

    def get(self, request: Request) -> Response:
        """The workflow with its current graph."""
        return _response(request, self._service.get(request.workspace_id, request.id("workflow_id")))

    def update(self, request: Request) -> Response:
        """The workflow as it is now."""
        change = parse_body(request.body, UpdateWorkflow)
        return _response(request, self._service.update(request.workspace_id, request.id("workflow_id"), change))

    def delete(self, request: Request) -> Response:
        """204."""
        self._service.delete(request.workspace_id, request.id("workflow_id"))
        return Response(status=HTTPStatus.NO_CONTENT)

    def list_versions(self, request: Request) -> Response:
        """`?limit&cursor`."""
        page = Page.from_query(request.query)
        return Response(self._service.list_versions(request.workspace_id, request.id("workflow_id"), page))

    def get_version(self, request: Request) -> Response:
        """The version with its graph."""
        number = request.path["version"]
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise NotFoundError(f"there is no version {number[:50]}")
        return Response(self._service.get_version(request.workspace_id, request.id("workflow_id"), int(number)))

    def rollback(self, request: Request) -> Response:
        """The workflow with its new version."""
        target = parse_body(request.body, Rollback)
        return _response(request, self._service.rollback(request.workspace_id, request.id("workflow_id"), target))

    def merge(self, request: Request) -> Response:
        """The graph that has both edits, for the caller to save."""
        edit = parse_body(request.body, Merge)
        return Response(self._service.merge(request.workspace_id, request.id("workflow_id"), edit))

    def validate(self, request: Request) -> Response:
        """`{certificate}` of a graph that could be saved."""
        graph = parse_body(request.body, Validate).graph_definition
        return Response({"certificate": self._service.validate(request.workspace_id, graph)})

    def list_templates(self, request: Request) -> Response:
        """`?limit&cursor`."""
        return Response(self._service.list_templates(request.workspace_id, Page.from_query(request.query)))

    def clone_template(self, request: Request) -> Response:
        """201 with the new workflow."""
        clone = parse_body(request.body, CloneTemplate)
        workflow = self._service.clone_template(request.workspace_id, request.user_id, request.id("template_id"), clone)
        return _response(request, workflow, HTTPStatus.CREATED)


def _response(request: Request, workflow: WorkflowDetail, status: HTTPStatus = HTTPStatus.OK) -> Response:
    webhook = workflow["webhook"]
    shown = {"url": request.webhook_url(webhook["token"]), "enabled": webhook["enabled"]} if webhook else None
    return Response({**workflow, "webhook": shown}, status)
