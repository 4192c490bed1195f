"""The Chalice app: every feature's routes and Lambdas, registered."""

from chalice import Chalice

from chalicelib.api import WORKSPACE
from chalicelib.health.routes import routes as health
from chalicelib.maintenance import functions
from chalicelib.middleware import observe
from chalicelib.reference.routes import routes as reference
from chalicelib.runs.routes import approvals
from chalicelib.runs.routes import routes as runs
from chalicelib.schedules.routes import routes as schedules
from chalicelib.trials.routes import routes as trials
from chalicelib.workflows.routes import routes as workflows

app = Chalice(app_name="stepgraph")
app.register_middleware(observe)
for feature in (workflows, runs, schedules, trials):
    app.register_blueprint(feature.blueprint, url_prefix=f"{WORKSPACE}/workflows")
app.register_blueprint(approvals.blueprint, url_prefix=f"{WORKSPACE}/approvals")
for feature in (reference, health):
    app.register_blueprint(feature.blueprint)
app.register_blueprint(functions)
