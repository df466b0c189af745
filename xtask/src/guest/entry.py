"""Builds `app` and reports what it declares, or why it cannot be built, to `report.json` beside this file.

`cargo xtask build` builds this module in the place of `app`. It runs while the component is built, and never again.
"""

import json
import os
import re
import traceback

_HERE = os.path.dirname(os.path.abspath(__file__))

# The component's own folder comes first on the path of modules that are the author's.
_AUTHOR = "/0/"


def _report(report):
    with open(os.path.join(_HERE, "report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, default=repr)


def _place(file, line):
    if file and line and file.startswith(_AUTHOR):
        return {"file": file[len(_AUTHOR) :], "line": line}
    return None


def _failure(error):
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        return {
            "message": f"{kind}: {error.msg}",
            "place": _place(error.filename, error.lineno),
            "source": (error.text or "").rstrip("\n"),
            "column": error.offset,
        }
    places = [_place(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    places = [place for place in places if place]
    # Where the author's own code is, rather than where `postern.py` refuses it.
    own = [place for place in places if place["file"] != "postern.py"] or places
    return {"message": f"{kind}: {error}", "place": own[-1] if own else None}


def _result(coroutine):
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise RuntimeError("the list of tools waits for something, so it cannot be checked while the component is built")


def _members(record, names):
    return {name: getattr(record, name, None) for name in names}


def _bad_patterns(schema):
    """The regular expressions in a schema that are none."""
    bad = []

    def look(value):
        if isinstance(value, dict):
            for name, item in value.items():
                patterns = [item] if name == "pattern" else item if name == "patternProperties" else []
                for pattern in patterns:
                    if isinstance(pattern, str):
                        try:
                            re.compile(pattern)
                        except re.error as error:
                            bad.append([pattern, str(error)])
                look(item)
        elif isinstance(value, list):
            for item in value:
                look(item)

    look(schema)
    return bad


def _tool(tool, places):
    names = ["name", "title", "description", "input_schema", "output_schema", "scopes"]
    told = _members(tool, names)
    told["annotations"] = vars(tool.annotations)
    told["bad_patterns"] = []
    for text in (tool.input_schema, tool.output_schema):
        try:
            told["bad_patterns"] += _bad_patterns(json.loads(text or "{}"))
        except (TypeError, ValueError):
            pass  # `cargo xtask build` says so.
    told["place"] = _place(*places.get(("tool", tool.name), (None, None)))
    return told


def _scope(scope, places):
    told = _members(scope, ["name", "description", "initial"])
    told["place"] = _place(*places.get(("scope", scope.name), (None, None)))
    return told


try:
    import app

    if not hasattr(app, "Tools"):
        raise ImportError("the server calls `Tools`, and `app.py` has none: write `from postern import Tools as Tools`")
    from app import Tools as Tools

    try:
        from postern import places as _places
    except ImportError:
        _places = {}  # Older, or another way to write tools.
    _tools = Tools()
    _report(
        {
            "tools": [_tool(tool, _places) for tool in _result(_tools.list_tools())],
            "scopes": [_scope(scope, _places) for scope in _result(_tools.list_scopes())],
        }
    )
except BaseException as _error:
    _report({"failure": _failure(_error)})
    raise
