from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facebone.audit.artefacts import (
    SCORES_COLUMNS,
    read_audit,
    read_scores,
    write_audit,
    write_scores,
)
from facebone.audit.schema import SCHEMA_VERSION, render_schema
from facebone.errors import DatasetError, StorageError


def scores() -> pa.Table:
    values = {"string": "x", "int64": 2**60 + 1, "bool": True, "float64": 0.1 + 2**-55}
    schema = pa.schema([(name, getattr(pa, kind.replace("bool", "bool_"))())
                        for name, kind in SCORES_COLUMNS.items()])  # fmt: skip
    row = {name: values[kind] for name, kind in SCORES_COLUMNS.items()}
    missing = {**row, "person_left": None, "person_right": None, "drawn": None}
    return pa.Table.from_pylist([row, missing], schema=schema)


def test_audit_comes_back_as_it_was(make_audit, tmp_path: Path) -> None:
    audit = make_audit({"Zoë ☺": {"gap": 0.1 + 0.2, "entropy": "too few: 3000 needed"}})
    path = write_audit(audit, tmp_path)
    assert path == tmp_path / "audit.json"
    assert read_audit(tmp_path) == audit
    assert read_audit(path) == audit
    assert [p.name for p in tmp_path.iterdir()] == ["audit.json"]
    # Readable by people and by any JSON parser, refusals as the contract spells them.
    text = path.read_text("utf-8")
    assert "Zoë ☺" in text
    attacks = json.loads(text)["targets"][0]["attacks"]
    assert attacks[1]["auc"] == {"refused": "too few: 3000 needed"}
    assert attacks[0]["auc"]["value"] == 0.1 + 0.2


def test_audit_is_written_again_over_itself(make_audit, tmp_path: Path) -> None:
    write_audit(make_audit(), tmp_path)
    write_audit(make_audit({"b": {"gap": 0.5}}), tmp_path)
    assert read_audit(tmp_path).targets[0].name == "b"


def test_missing_audit(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no audit\.json; name the --out folder of an"):
        read_audit(tmp_path)
    with pytest.raises(DatasetError, match=r"nowhere: holds no audit\.json"):
        read_audit(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b'{"schema_version": "1.0",', b"\xff\xfe\x00"])
def test_corrupt_audit(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "audit.json").write_bytes(content)
    with pytest.raises(DatasetError, match=r"audit\.json: cannot be read as JSON: ") as error:
        read_audit(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "version"),
    [('{"schema_version": "99.0"}', "'99.0'"), ("{}", "None"), ("[1, 2]", "None")],
)
def test_audit_of_another_version(tmp_path: Path, content: str, version: str) -> None:
    (tmp_path / "audit.json").write_text(content)
    message = f"has schema version {version}, this FaceBone reads '{SCHEMA_VERSION}'; run the audit"
    with pytest.raises(DatasetError, match=message):
        read_audit(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [("targets", [{"name": "x"}], r"targets\.0\.level"), ("surprise", 1, "surprise")],
)
def test_audit_of_another_shape(make_audit, tmp_path: Path, field, value, place: str) -> None:
    path = write_audit(make_audit(), tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), field: value}))
    with pytest.raises(DatasetError, match=rf"audit\.json: is no audit: {place}: ") as error:
        read_audit(tmp_path)
    assert "\n" not in str(error.value)


def test_audit_that_cannot_be_written(make_audit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        write_audit(make_audit(), tmp_path / "file")


def test_scores_come_back_to_the_last_bit(tmp_path: Path) -> None:
    table = scores()
    more = table.append_column("private", pa.array([1, 2]))
    path = write_scores(more, tmp_path)
    assert path == tmp_path / "scores.parquet"
    assert read_scores(tmp_path).equals(table)
    assert [p.name for p in tmp_path.iterdir()] == ["scores.parquet"]


def test_scores_without_a_column_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="claimed"):
        write_scores(scores().drop_columns(["claimed"]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_missing_scores(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no scores\.parquet; name the --out folder"):
        read_scores(tmp_path)


def test_corrupt_scores(tmp_path: Path) -> None:
    path = write_scores(scores(), tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"scores\.parquet: cannot be read as Parquet"):
        read_scores(tmp_path)


def test_scores_that_lack_columns(tmp_path: Path) -> None:
    pq.write_table(scores().drop_columns(["attack", "same"]), tmp_path / "scores.parquet")
    with pytest.raises(DatasetError, match="lacks the columns attack, same"):
        read_scores(tmp_path)


def test_schema_in_the_docs_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "audit.schema.json"
    hint = "python -m facebone.audit.schema > docs/audit.schema.json"
    assert page.read_text("utf-8") == render_schema(), f"write it again: {hint}"


def test_schema_names_every_field_of_the_contract(make_audit) -> None:
    schema = json.loads(render_schema())
    written = make_audit().model_dump(mode="json")

    def check(value: object, node: dict) -> None:
        """A tiny validator: what is written has exactly the properties that the schema names."""
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        if "anyOf" in node and isinstance(value, dict):
            (node,) = [
                option
                for option in (schema["$defs"][o["$ref"].rsplit("/", 1)[1]] for o in node["anyOf"])
                if set(option["properties"]) == set(value)
            ]
        if isinstance(value, list):
            for item in value:
                check(item, node["items"])
        elif isinstance(value, dict) and "properties" in node:
            assert set(value) == set(node["properties"])
            assert set(node["required"]) <= set(value)
            assert node["additionalProperties"] is False
            for name, item in value.items():
                check(item, node["properties"][name])

    check(written, schema)
    contract = {"schema_version", "facebone_version", "created", "seed", "command", "environment",
                "data", "targets"}  # fmt: skip
    assert contract <= set(schema["properties"])
