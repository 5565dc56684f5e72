"""What makes a `torch.export` program safe to load: a copy with nothing in it but arithmetic.

PyTorch's own loader falls back on pickle, evaluates expressions and generates code from the names
it finds, so it must not see a stranger's file. Here the archive is taken apart without it, each
member is held against a list of what a plain network needs, what only serves debugging is dropped,
and the loader gets a copy made of the rest.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from facebone.errors import WeightsError

_RAW = re.compile(r"data/(weights/weight|constants/tensor)_\d+", re.ASCII)
_PLAIN = {
    "archive_format",
    "archive_version",
    "byteorder",
    ".data/version",
    ".data/serialization_id",
}
_CONFIGS = {"data/weights/model_weights_config.json", "data/constants/model_constants_config.json"}
_GRAPH = "models/model.json"
_SAMPLES = "data/sample_inputs/model.pt"

# An operator of PyTorch's tensor library, or plain integer arithmetic on sizes. from_file would
# map a file of this machine into a tensor.
_TARGET = re.compile(r"torch\.ops\.aten\.(?!from_file\b)\w+\.\w+", re.ASCII)
_SIZE_ARITHMETIC = re.compile(r"_operator\.(getitem|add|sub|mul|floordiv|mod|neg)", re.ASCII)

# Names become identifiers of generated code: no quotes, brackets, spaces or line ends.
_NAME = re.compile(r"[\w.+-]*", re.ASCII)

# Sizes are expressions that the loader evaluates: symbols, whole numbers and a few functions.
_SYMBOL = re.compile(r"Symbol\('[a-z]+\d*'(, [a-z]+=True)*\)", re.ASCII)
_EXPRESSION = re.compile(
    r"(\d+|[a-z]\d+|Integer|Add|Mul|Max|Min|Mod|PythonMod|FloorDiv|CleanDiv|[-+*/(), ])*", re.ASCII
)
_LONGEST_EXPRESSION = 500

_TREE_TYPES = {None, "builtins.tuple", "builtins.list", "builtins.dict"}
_FORBIDDEN_KEYS = {"as_operator", "as_custom_obj", "as_graph"}

TRUST_HINT = "export it anew with torch.export.save, or give --trust if you trust its maker"


def safe_copy(path: Path) -> io.BytesIO:
    """The archive without pickles, metadata and guards, ready for ``torch.export.load``.

    Raises:
        WeightsError: the file is damaged, or holds anything a plain network does not need.
    """
    copy = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as clean:
            names = archive.namelist()
            if not any(name.endswith(f"/{_GRAPH}") for name in names):
                raise WeightsError(
                    f"is not a readable torch.export program: no {_GRAPH} in it",
                    where=path,
                    hint="get it again, or export it anew with a newer PyTorch",
                )
            if len(set(names)) < len(names):
                raise _unsafe(path, "two members of one name")
            for member in archive.infolist():
                content = _clean_member(archive, member, path)
                clean.writestr(member.filename, content)
    except (zipfile.BadZipFile, EOFError, OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"is not a readable torch.export program: {error}", where=path, hint="get it again"
        ) from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise WeightsError("holds damaged JSON", where=path, hint="get it again") from error
    copy.seek(0)
    return copy


def _clean_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    name = member.filename.partition("/")[2]
    if member.compress_type != zipfile.ZIP_STORED:
        # The writer stores; a compressed member could unpack to more than memory holds.
        raise _unsafe(path, f"the compressed member {member.filename!r}")
    if name == _SAMPLES:
        return b""
    if name in _PLAIN or _RAW.fullmatch(name):
        return archive.read(member)
    if name in _CONFIGS:
        content = archive.read(member)
        _check_config(json.loads(content), path)
        return content
    if name == _GRAPH:
        program = _without_metadata(json.loads(archive.read(member)))
        if not isinstance(program, dict):
            raise _unsafe(path, "a graph that is none")
        program["guards_code"] = []
        _check(program, "", path)
        return json.dumps(program).encode()
    raise _unsafe(path, f"the member {member.filename!r}")


def _check_config(config: Any, path: Path) -> None:
    """Refuse weights and constants that are stored as pickles."""
    entries = config.get("config") if isinstance(config, dict) else None
    if not isinstance(entries, dict):
        raise _unsafe(path, "a list of tensors that is none")
    for key, entry in entries.items():
        if not isinstance(entry, dict) or entry.get("use_pickle") is not False:
            raise _unsafe(path, f"the pickled tensor {key!r}")
        if not re.fullmatch(r"(weight|tensor)_\d+", str(entry.get("path_name"))):
            raise _unsafe(path, f"the object {key!r}, which is no tensor")
    _check(config, "", path)


def _without_metadata(node: Any) -> Any:
    """The JSON tree with every ``metadata`` emptied: stack traces and the like."""
    if isinstance(node, dict):
        return {k: {} if k == "metadata" else _without_metadata(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_without_metadata(item) for item in node]
    return node


def _check(node: Any, key: str, path: Path) -> None:
    """Hold every string of a JSON tree against what its key allows."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in _FORBIDDEN_KEYS or not _NAME.fullmatch(name):
                raise _unsafe(path, f"the entry {name[:60]!r}")
            _check(value, name, path)
    elif isinstance(node, list):
        for item in node:
            _check(item, key, path)
    elif isinstance(node, str) and not _string_is_safe(node, key):
        raise _unsafe(path, f"{key} {node[:60]!r}")


def _string_is_safe(text: str, key: str) -> bool:
    if key == "target":
        return bool(_TARGET.fullmatch(text) or _SIZE_ARITHMETIC.fullmatch(text))
    if key == "expr_str":
        rest = _SYMBOL.sub("0", text)
        short = len(text) <= _LONGEST_EXPRESSION
        return short and "**" not in rest and bool(_EXPRESSION.fullmatch(rest))
    if key in {"in_spec", "out_spec"}:
        tree = json.loads(text)
        return isinstance(tree, list) and len(tree) == 2 and _tree_is_safe(tree[1])
    return bool(_NAME.fullmatch(text))


def _tree_is_safe(tree: Any) -> bool:
    """Whether a description of nested containers names only tuples, lists and dicts."""
    if not isinstance(tree, dict) or tree.get("type", "") not in _TREE_TYPES:
        return False
    context = json.loads(str(tree.get("context") or "null"))
    plain = context is None or (
        isinstance(context, list)
        and all(isinstance(name, str) and _NAME.fullmatch(name) for name in context)
    )
    return plain and all(_tree_is_safe(child) for child in tree.get("children_spec", []))


def _unsafe(path: Path, what: str) -> WeightsError:
    return WeightsError(f"unsafe: holds {what}", where=path, hint=TRUST_HINT)
