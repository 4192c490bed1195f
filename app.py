"""The Chalice app: every feature's routes and Lambdas, registered."""

from chalice import Chalice

from chalicelib.health.routes import routes as health
from chalicelib.maintenance import functions
from chalicelib.reference.routes import routes as reference
from chalicelib.runs.routes import routes as runs
from chalicelib.schedules.routes import routes as schedules
from chalicelib.workflows.routes import routes as workflows

app = Chalice(app_name="stepgraph")
for feature in (workflows, runs, schedules):
    app.register_blueprint(feature.blueprint, url_prefix="/api/v1/workspaces/{workspace_id}/workflows")
for feature in (reference, health):
    app.register_blueprint(feature.blueprint)
app.register_blueprint(functions)
