"""The Chalice app: every feature's routes and Lambdas, registered."""

from chalice import Chalice

from chalicelib.api import BINARY_TYPES, WEBHOOKS, WORKSPACE
from chalicelib.health.routes import routes as health
from chalicelib.maintenance import functions
from chalicelib.palette.routes import routes as palette
from chalicelib.reference.routes import routes as reference
from chalicelib.runs.routes import approvals, of_workspace
from chalicelib.runs.routes import routes as runs
from chalicelib.schedules.routes import routes as schedules
from chalicelib.secrets.routes import routes as secrets
from chalicelib.trials.routes import routes as trials
from chalicelib.webhooks.routes import public as public_webhooks
from chalicelib.webhooks.routes import routes as webhooks
from chalicelib.workflows.routes import routes as workflows

app = Chalice(app_name="stepgraph", configure_logs=False)
app.api.binary_types.extend(BINARY_TYPES)
for feature in (workflows, runs, schedules, trials, webhooks):
    app.register_blueprint(feature.blueprint, url_prefix=f"{WORKSPACE}/workflows")
app.register_blueprint(of_workspace.blueprint, url_prefix=f"{WORKSPACE}/runs")
app.register_blueprint(approvals.blueprint, url_prefix=f"{WORKSPACE}/approvals")
app.register_blueprint(secrets.blueprint, url_prefix=f"{WORKSPACE}/secrets")
app.register_blueprint(public_webhooks.blueprint, url_prefix=WEBHOOKS)
app.register_blueprint(palette.blueprint, url_prefix="/api/v1")
for feature in (reference, health):
    app.register_blueprint(feature.blueprint)
app.register_blueprint(functions)
