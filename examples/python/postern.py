"""Tools from functions: the few things between `app.py` and `wit/tools/tools.wit`.

`tool` makes a tool of a function: its name, its docstring, and JSON Schema from its type hints. `Tools` is what the
server calls. Everything is read when the component is built, so a hint that has no schema ends the build and not a call.
"""

import dataclasses
import inspect
import json
import sys
import traceback
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union

import componentize_py_async_support
import wit_world
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import tools as wit


class Failed(Exception):
    """The tool ran and failed. The text is for the model, which can try something else."""


class InvalidArguments(Exception):
    """The arguments cannot be, beyond what their schema says. The text is for the model."""


class NeedsScopes(Exception):
    """This call takes scopes that the tool does not declare. The client is told to ask the user for them."""

    def __init__(self, *scopes: str) -> None:
        super().__init__(*scopes)
        self.scopes = list(scopes)


class _Asked(BaseException):
    """Ends a round. No `Exception`, so that a tool does not catch it by mistake."""


class _Gone(BaseException):
    """Nobody waits for the call any more."""


def scope(name: str, description: str, *, initial: bool = False) -> None:
    """Declares a scope: what granting it allows, and whether clients ask for it at first sign-in."""
    if ("scope", name) in places:
        raise TypeError(f"the scope `{name}` is declared twice")
    caller = sys._getframe(1)
    places["scope", name] = (caller.f_code.co_filename, caller.f_lineno)
    _scopes.append(wit.Scope(name, description, initial))


def tool(
    function: Callable | None = None,
    *,
    title: str | None = None,
    scopes: list[str] = [],
    read_only: bool | None = None,
    destructive: bool | None = None,
    idempotent: bool | None = None,
    open_world: bool | None = None,
) -> Callable:
    """Makes a tool of a function, plain or `async`. A parameter of type `Context` is not an argument of the tool."""

    def declare(function: Callable) -> Callable:
        name, code = function.__name__, function.__code__
        if ("tool", name) in places:
            raise TypeError(f"two tools have the name `{name}`")
        places["tool", name] = (code.co_filename, code.co_firstlineno)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{name}: a tool returns its result, and this function yields")
        hints = typing.get_type_hints(function, include_extras=True)
        result = hints.pop("return", None)
        context = next((name for name, hint in hints.items() if hint is Context), None)
        hints.pop(context, None)
        parameters = inspect.signature(function).parameters
        by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        nameless = [name for name, one in parameters.items() if one.kind not in by_name]
        if nameless:
            raise TypeError(f"{function.__name__}: clients give arguments by name, and cannot give {', '.join(nameless)}")
        untyped = [name for name in parameters if name not in hints and name != context]
        if untyped:
            raise TypeError(f"{function.__name__}: no type for {', '.join(untyped)}")
        empty = inspect.Parameter.empty
        defaults = {name: one.default for name, one in parameters.items() if one.default is not empty}
        output, wrapped = _result_schema(result)
        declaration = wit.Tool(
            name=function.__name__,
            title=title,
            description=inspect.getdoc(function) or "",
            input_schema=json.dumps(_object(hints, defaults)),
            output_schema=output and json.dumps(output),
            annotations=wit.Annotations(read_only, destructive, idempotent, open_world),
            scopes=scopes,
        )
        _tools[function.__name__] = _Tool(declaration, function, hints, context, wrapped)
        return function

    return declare if function is None else declare(function)


class Context:
    """The call that a tool is in."""

    def __init__(self, caller: wit.Caller, call: wit.Call, notifications: Any) -> None:
        self.caller = caller
        """Who calls: `subject`, `client_id`, `scopes`, `client_info`."""
        self.client = call.client
        """What the client can be asked for: `elicit_form` and so on."""
        self._call = call
        self._notifications = notifications
        self._answers: dict[str, Any] = {}
        if call.resumption:
            # What was answered in the rounds before, and what has been since.
            self._answers = json.loads(call.resumption.state or b"{}")
            self._answers |= {answer.key: _plain_answer(answer.value) for answer in call.resumption.answers}

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Tells how far the call is. `progress` has to be more than the last time."""
        if self._call.wants_progress:
            await self._notify(wit.Notification_Progress(wit.Progress(progress, total, message)))

    async def log(self, level: str, data: Any, logger: str | None = None) -> None:
        """Writes to the client's log, if it wants that level ("debug", "info", … "emergency") at all."""
        severity, least = wit.LogLevel[level.upper()], self._call.log_level
        if least is not None and severity.value >= least.value:
            await self._notify(wit.Notification_Log(wit.LogMessage(severity, logger, json.dumps(data))))

    def elicit(self, key: str, message: str, form: type) -> Any:
        """Asks the person to fill in a form, which is a flat dataclass, and returns one, or `None` if they would not.

        The tool ends here and is called again with the answer, **from its beginning**: ask before you change anything.
        `key` names the question, and no other of this call. Never ask for passwords, keys or payment data.
        """
        if not self.client.elicit_form:
            nothing = dict.fromkeys((field.name for field in dataclasses.fields(wit.ClientCapabilities)), False)
            raise Err(wit.Error_MissingCapability(wit.ClientCapabilities(**{**nothing, "elicit_form": True})))
        if key not in self._answers:
            schema = {name: value for name, value in _schema(form).items() if name != "additionalProperties"}
            ask = wit.Ask_ElicitForm(wit.ElicitForm(message, json.dumps(schema)))
            state = json.dumps(self._answers).encode()
            raise _Asked(wit.InputRequired([wit.Question(key, ask)], state))
        answer = self._answers[key]
        try:
            return None if answer is None else _value(form, answer)
        except (TypeError, ValueError) as error:
            # Nobody has checked it: a client can send anything.
            raise Failed("The answer does not fit the form.") from error

    async def _notify(self, notification: Any) -> None:
        if self._notifications and await self._notifications.write_all([notification]) == 0:
            raise _Gone


class Tools(exports.Tools):
    """What the component exports: the interface of `wit/tools/tools.wit`."""

    async def list_tools(self) -> list[wit.Tool]:
        return [tool.declaration for tool in _tools.values()]

    async def list_scopes(self) -> list[wit.Scope]:
        return _scopes

    async def call_tool(self, caller: wit.Caller, call: wit.Call) -> Any:
        tool = _tools.get(call.name)
        if tool is None:
            raise Err(wit.Error_UnknownTool())
        if tool.context is None or not (call.wants_progress or call.log_level is not None):
            return wit.Reply_Done(await tool.run(Context(caller, call, None), call))
        writer, notifications = wit_world.tools_notification_stream()
        promise, outcome = wit_world.result_tools_outcome_tools_error_future(_unfinished)
        componentize_py_async_support.spawn(_run_and_tell(tool, caller, call, writer, promise))
        return wit.Reply_Running(wit.Running(notifications, outcome))


async def _run_and_tell(tool: Any, caller: Any, call: Any, writer: Any, promise: Any) -> None:
    with promise:
        with writer:
            try:
                result = wit_world.Ok(await tool.run(Context(caller, call, writer), call))
            except Err as error:
                result = error
            except _Gone:
                return
        # The stream is closed by now: its end comes before the outcome.
        await promise.write(result)


def _unfinished() -> Any:
    return Err(wit.Error_Other("the call was given up"))


@dataclasses.dataclass
class _Tool:
    declaration: wit.Tool
    function: Callable
    hints: dict[str, Any]
    context: str | None
    wrapped: bool

    async def run(self, context: Context, call: wit.Call) -> Any:
        try:
            arguments = json.loads(call.arguments)
            given = {name: _argument(name, self.hints[name], value) for name, value in arguments.items() if name in self.hints}
            if self.context:
                given[self.context] = context
            result = self.function(**given)
            if inspect.isawaitable(result):
                result = await result
            return _complete(result, self.wrapped, self.declaration.output_schema is not None)
        except _Asked as asked:
            return wit.Outcome_InputRequired(asked.args[0])
        except Failed as failed:
            return wit.Outcome_Complete(wit.ToolResult([wit.ContentBlock_Text(str(failed))], None, True))
        except InvalidArguments as error:
            raise Err(wit.Error_InvalidArguments(str(error)))
        except NeedsScopes as needed:
            raise Err(wit.Error_InsufficientScope(needed.scopes))
        except (Err, _Gone, GeneratorExit):
            raise
        except BaseException as error:
            # For the operator's log. The client only learns that it did not work.
            raise Err(wit.Error_Other(f"{call.name}: {_described(error)}"))


places: dict[tuple[str, str], tuple[str, int]] = {}
"""The file and the line of each tool and scope, for `cargo xtask build`, which names them where one has a mistake."""

_tools: dict[str, _Tool] = {}
_scopes: list[wit.Scope] = []


def _described(error: BaseException) -> str:
    """An exception on one line: its type, its message, and where it passed through the author's code."""
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    # The first folder of modules is the author's own; `/0/` is what it is called in a component.
    own = [(code, line) for code, line in frames if code.co_filename.startswith("/0/") and code.co_filename != __file__]
    where = [f"{code.co_filename[3:]}:{line} ({code.co_name})" for code, line in reversed(own)]
    text = " ".join(traceback.format_exception_only(error)[-1].split())
    return f"{text}, at {', called from '.join(where)}" if where else text


def _complete(result: Any, wrapped: bool, structured: bool) -> Any:
    if not structured:
        text = "" if result is None else str(result)
        return wit.Outcome_Complete(wit.ToolResult([wit.ContentBlock_Text(text)], None, False))
    value = _jsonable(result)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    value = json.dumps({"result": value} if wrapped else value)
    return wit.Outcome_Complete(wit.ToolResult([wit.ContentBlock_Text(text)], value, False))


def _jsonable(value: Any) -> Any:
    """What JSON has for a value: a number without `.0`, the fields of a dataclass."""
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise Failed("The result is not a finite real number.")
        return int(value) if value.is_integer() and abs(value) <= 2**53 else value
    if dataclasses.is_dataclass(value):
        return {field.name: _jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: _jsonable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    return value


def _result_schema(hint: Any) -> tuple[dict | None, bool]:
    """The schema of a result, and whether it is wrapped in an object. Text and nothing have none."""
    if hint in (None, types.NoneType, str):
        return None, False
    schema = _schema(hint)
    if schema.get("type") == "object":
        return schema, False
    return _object({"result": hint}, {}), True


_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _schema(hint: Any) -> dict[str, Any]:
    """JSON Schema of a type hint."""
    if isinstance(hint, type) and hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if dataclasses.is_dataclass(hint):
        fields = dataclasses.fields(hint)
        defaults = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
        return _object(typing.get_type_hints(hint, include_extras=True), defaults)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        # Words describe; a dict adds keywords, such as `{"minimum": 0}`.
        schema = _schema(arguments[0])
        for extra in arguments[1:]:
            schema |= extra if isinstance(extra, dict) else {"description": extra}
        return schema
    if origin is Literal:
        return {"type": _PLAIN[type(arguments[0])], "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if origin in (Union, types.UnionType):
        return {"anyOf": [{"type": "null"} if one is types.NoneType else _schema(one) for one in arguments]}
    raise TypeError(f"there is no JSON Schema for {hint!r}; use str, bool, int, float, list, dict, Literal or a dataclass")


def _object(hints: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _schema(hint) for name, hint in hints.items()}
    for name, default in defaults.items():
        if name in properties:
            properties[name]["default"] = default
    required = [name for name in hints if name not in defaults]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _argument(name: str, hint: Any, value: Any) -> Any:
    try:
        return _value(hint, value)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidArguments(f"{name}: {error}") from error


def _value(hint: Any, value: Any) -> Any:
    """What a tool gets for an argument that fits the schema of its hint. To JSON Schema, `10.0` is an integer."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _value(arguments[0], value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"{value} is not a whole number")
        return int(value)
    if origin is Literal:
        # The one that it equals: `1` for `1.0`.
        return next((one for one in arguments if one == value and isinstance(one, bool) == isinstance(value, bool)), value)
    if origin in (Union, types.UnionType):
        return _value(_chosen(arguments, value), value)
    if origin is list:
        return [_value(arguments[0], item) for item in value]
    if origin is dict:
        return {name: _value(arguments[1], item) for name, item in value.items()}
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        return hint(**{name: _value(hints[name], item) for name, item in value.items() if name in hints})
    return value


def _chosen(hints: tuple, value: Any) -> Any:
    """Which of these hints a value is of: the first whose kind is its own, a float if no integer fits."""
    for hint in hints:
        plain = hint
        while typing.get_origin(plain) is typing.Annotated:
            plain = typing.get_args(plain)[0]
        origin = typing.get_origin(plain)
        if origin is Literal:
            fits = value in typing.get_args(plain)
        elif plain is int:
            whole = isinstance(value, float) and value.is_integer()
            fits = (isinstance(value, int) or whole) and not isinstance(value, bool)
        elif plain is float:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        elif dataclasses.is_dataclass(plain):
            fits = isinstance(value, dict) and _has_fields(plain, value)
        else:
            kind = origin or plain
            fits = isinstance(kind, type) and isinstance(value, kind)
        if fits:
            return hint
    # What fits none is left as it is.
    return object


def _has_fields(kind: type, value: dict) -> bool:
    fields = dataclasses.fields(kind)
    missing = (dataclasses.MISSING, dataclasses.MISSING)
    needed = {field.name for field in fields if (field.default, field.default_factory) == missing}
    return needed <= value.keys() <= {field.name for field in fields}


def _plain_answer(value: Any) -> Any:
    """The form that was filled in, `None` for a person who would not."""
    elicited = getattr(value, "value", None)
    if isinstance(elicited, wit.Elicited_Accept) and elicited.value is not None:
        return json.loads(elicited.value)
    return None
