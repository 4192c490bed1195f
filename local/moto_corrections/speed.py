"""Corrections of moto's speed: what AWS does at once must not take a local machine its whole processor."""

# ruff: noqa: SLF001 - moto's insides are what this file is about

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from typing import Any

from antlr4.atn.PredictionMode import PredictionMode
from antlr4.RuleContext import RuleContext
from moto.core import responses, routing
from moto.core import utils as core_utils
from moto.stepfunctions.parser import models as parser_models  # noqa: F401 - loads every module named below
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.component import Component
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils import json_path

MOTO_LOGGER = "moto.stepfunctions"

# Python 3.11 fails when two threads make syntax trees at once, as do definitions and routes.
_one_at_a_time = threading.RLock()


def load_each_service_once() -> None:
    """The first calls of a service may come together; in moto each of them loads its model, for seconds.

    Each builds the routes, too, which fails ("AST constructor recursion depth mismatch") in two threads at once.
    """

    def in_turn(load: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(load)
        def load_in_turn(*args: Any) -> Any:
            with _one_at_a_time:
                return load(*args)

        return load_in_turn

    core_utils._load_service_model = in_turn(functools.lru_cache(maxsize=None)(core_utils._load_service_model))
    routing.ServiceOperationRouter._get_router = in_turn(routing.ServiceOperationRouter._get_router)
    responses.get_service_router = in_turn(routing.get_service_router)


def parse_each_json_path_once() -> None:
    """A JSONPath costs nothing; moto builds a parser (milliseconds) at each evaluation of each path."""
    for module in (json_path, result_path):
        module.parse = functools.lru_cache(maxsize=4096)(module.parse)


def parse_each_definition_once() -> None:
    """StartExecution is cheap; moto parses the definition (tens of milliseconds and more) at each start.

    Components hold no state of an execution, so that executions may share them. The scopes of the query
    language are shared by moto's parsers and stay open after a refused definition: each parse gets its own.
    """
    parse_anew = AmazonStateLanguageParser.parse

    @functools.lru_cache(maxsize=32)
    def parse(definition: str) -> Any:
        Preprocessor._query_language_per_scope = []
        return parse_anew(definition)

    def parse_once(definition: str) -> Any:
        with _one_at_a_time:
            return parse(definition)

    AmazonStateLanguageParser.parse = staticmethod(parse_once)
    # moto makes this key at its first use, which two executions that share the component could do at once.
    EvalComponent.heap_key = property(lambda self: str(id(self)))


def parse_without_full_context() -> None:
    """ANTLR decides again and again with all the rules that it came through, which takes half of the parsing. What it
    reads without them is the same; what it refuses then is parsed with them."""

    class Parser(ASLParser):  # type: ignore[misc]
        _listeners: list[Any]

        def state_machine(self) -> Any:
            listeners = self._listeners
            self._listeners, self._interp.predictionMode = [], PredictionMode.SLL
            tree = super().state_machine()
            if self.getNumberOfSyntaxErrors():
                self.reset()
                self._listeners, self._interp.predictionMode = listeners, PredictionMode.LL
                tree = super().state_machine()
            return tree

    asl_parser.ASLParser = Parser


def read_each_text_once() -> None:
    """moto asks each part of a definition for its text, to have it at hand for an error, and each puts it together from
    those of its parts."""
    read = RuleContext.getText

    def read_once(self: Any) -> str:
        if not hasattr(self, "text_read"):
            self.text_read = read(self)
        return str(self.text_read)

    RuleContext.getText = read_once


def keep_failures_out_of_the_log() -> None:
    """A failed state is nothing for the service to log; moto logs the component tree, at each level of it."""
    logging.getLogger(MOTO_LOGGER).setLevel(logging.CRITICAL)
    Component.__str__ = lambda self: type(self).__name__


CORRECTIONS = (
    load_each_service_once,
    parse_each_json_path_once,
    parse_each_definition_once,
    parse_without_full_context,
    read_each_text_once,
    keep_failures_out_of_the_log,
)
