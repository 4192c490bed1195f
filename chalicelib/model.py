"""The base of all that is read from outside."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A pydantic model whose validator is built when it is first used: a cold start pays for the few that its call
    needs, and not for each that it imports."""

    model_config = ConfigDict(defer_build=True)
