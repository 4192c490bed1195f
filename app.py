"""The Chalice app: every feature's routes and Lambdas, registered."""

from chalice import Chalice

from chalicelib.maintenance import functions
from chalicelib.palette.routes import routes as palette
from chalicelib.runs.routes import routes as runs
from chalicelib.schedules.routes import routes as schedules
from chalicelib.workflows.routes import routes as workflows

app = Chalice(app_name="stepgraph")
for feature in (workflows, runs, schedules):
    app.register_blueprint(feature.blueprint, url_prefix="/api/v1/workspaces/{workspace_id}/workflows")
app.register_blueprint(palette.blueprint, url_prefix="/api/v1")
app.register_blueprint(functions)
