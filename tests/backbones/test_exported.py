from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from facebone.backbones.exported import load
from facebone.backbones.runtimes import Settings
from facebone.errors import WeightsError

CPU = Settings(device="cpu")


@pytest.fixture
def pt2_file(tmp_path: Path, tiny_network) -> Path:
    return export(tiny_network, tmp_path / "tiny.pt2")


def export(network: nn.Module, path: Path, *, batch: int | None = None, side: int = 16) -> Path:
    example = torch.zeros(batch or 2, 3, side, side)
    shapes = None if batch else ({0: torch.export.Dim("n", min=1, max=4096)},)
    program = torch.export.export(network, (example,), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None], **extra: bytes) -> Path:
    """The archive with each member changed, or dropped where `change` gives None."""
    content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w") as new:
        root = old.namelist()[0].split("/")[0]
        for name in old.namelist():
            data = change(name.removeprefix(f"{root}/"), old.read(name))
            if data is not None:
                new.writestr(name, data)
        for name, data in extra.items():
            new.writestr(f"{root}/{name.replace('__', '/')}", data)
    return path


def with_graph(path: Path, edit: Callable[[Any], None]) -> Path:
    def change(name: str, data: bytes) -> bytes:
        if name != "models/model.json":
            return data
        program = json.loads(data)
        edit(program)
        return json.dumps(program).encode()

    return rewritten(path, change)


def test_embeds_what_the_matrix_says(pt2_file: Path, tiny_spec, faces, linear_oracle) -> None:
    backbone = load(tiny_spec(runtime="exported"), pt2_file, CPU)
    for count in (1, 5):
        np.testing.assert_allclose(
            backbone.embed(faces[:count]), linear_oracle(faces[:count]), rtol=1e-4, atol=1e-4
        )


def test_trusted_load_gives_the_same(pt2_file: Path, tiny_spec, faces) -> None:
    checked = load(tiny_spec(), pt2_file, CPU).embed(faces)
    trusted = load(tiny_spec(), pt2_file, Settings(device="cpu", trust=True)).embed(faces)
    assert np.array_equal(checked, trusted)


def test_program_of_one_batch_size_is_filled_up(
    tmp_path: Path, tiny_network, tiny_spec, faces, linear_oracle
) -> None:
    path = export(tiny_network, tmp_path / "tiny.pt2", batch=4)
    got = load(tiny_spec(), path, CPU).embed(faces)
    np.testing.assert_allclose(got, linear_oracle(faces), rtol=1e-4, atol=1e-4)


def test_a_real_architecture_passes_the_check(tmp_path: Path, tiny_spec) -> None:
    from facebone.backbones.mobilefacenet import build

    torch.manual_seed(0)
    network = build("mobilefacenet", 32, (112, 112)).eval()
    path = export(network, tmp_path / "m.pt2", side=112)
    faces = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    got = load(tiny_spec(input_size=(112, 112), dimension=32), path, CPU).embed(faces)
    with torch.inference_mode():
        want = network(torch.from_numpy(faces.transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)


def test_program_for_another_picture_size_is_refused(pt2_file: Path, tiny_spec) -> None:
    with pytest.raises(WeightsError, match=r"its spec says one input of \(n, 3, 32, 32\)"):
        load(tiny_spec(input_size=(32, 32)), pt2_file, CPU)


@pytest.mark.parametrize("content", [b"", b"a letter", b"PK\x03\x04 cut"])
def test_file_that_is_no_archive_is_refused(tmp_path: Path, tiny_spec, content: bytes) -> None:
    path = tmp_path / "tiny.pt2"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"is not a readable torch\.export program"):
        load(tiny_spec(), path, CPU)


def test_truncated_program_is_refused(pt2_file: Path, tiny_spec) -> None:
    pt2_file.write_bytes(pt2_file.read_bytes()[:-500])
    with pytest.raises(WeightsError, match=r"is not a readable torch\.export program"):
        load(tiny_spec(), pt2_file, CPU)


def test_program_with_a_part_missing_is_refused(pt2_file: Path, tiny_spec, capfd) -> None:
    rewritten(pt2_file, lambda name, data: None if name.endswith("weights_config.json") else data)
    with pytest.raises(WeightsError, match=r"is not a program that PyTorch .* reads"):
        load(tiny_spec(), pt2_file, CPU)
    assert "Traceback" not in capfd.readouterr().err


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch '{self.target}'",)


def test_pickled_sample_inputs_never_run(pt2_file: Path, tmp_path: Path, tiny_spec, faces) -> None:
    """PyTorch's loader falls back on pickle for them; a plain network does not need them."""
    trace = tmp_path / "ran"
    bomb = io.BytesIO()
    torch.save(((_Bomb(trace),), {}), bomb)
    rewritten(pt2_file, lambda name, data: bomb.getvalue() if "sample_inputs" in name else data)
    load(tiny_spec(), pt2_file, CPU).embed(faces)
    assert not trace.exists()
    # The danger is real: the same file, trusted, runs it.
    load(tiny_spec(), pt2_file, Settings(device="cpu", trust=True))
    assert trace.exists()


@pytest.mark.parametrize("folder", ["weights", "constants"])
def test_pickled_tensors_are_unsafe(pt2_file: Path, tmp_path: Path, tiny_spec, folder: str) -> None:
    trace = tmp_path / "ran"
    bomb = io.BytesIO()
    torch.save(_Bomb(trace), bomb)
    prefix = {"weights": "weight", "constants": "tensor"}[folder]

    def change(name: str, data: bytes) -> bytes:
        if name != f"data/{folder}/model_{folder}_config.json":
            return data
        config = json.loads(data)
        config["config"]["evil"] = {
            "path_name": f"{prefix}_99",
            "is_param": False,
            "use_pickle": True,
            "tensor_meta": None,
        }
        return json.dumps(config).encode()

    rewritten(pt2_file, change, **{f"data__{folder}__{prefix}_99": bomb.getvalue()})
    with pytest.raises(WeightsError, match="unsafe: holds the pickled tensor 'evil'"):
        load(tiny_spec(), pt2_file, CPU)
    assert not trace.exists()


def test_pickled_objects_are_unsafe(pt2_file: Path, tmp_path: Path, tiny_spec) -> None:
    trace = tmp_path / "ran"
    data = pickle.dumps(_Bomb(trace))
    rewritten(pt2_file, lambda _, data: data, data__constants__opaque_obj_0=data)
    with pytest.raises(WeightsError, match=r"unsafe: holds the member '.*opaque_obj_0'"):
        load(tiny_spec(), pt2_file, CPU)
    assert not trace.exists()


def _first_node(program: Any) -> Any:
    return program["graph_module"]["graph"]["nodes"][0]


def _set_target(target: str) -> Callable[[Any], None]:
    return lambda program: _first_node(program).update(target=target)


def _set_expression(text: str) -> Callable[[Any], None]:
    def edit(program: Any) -> None:
        size = program["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0]
        size["as_expr"]["expr_str"] = text

    return edit


def _rename_input(name: str) -> Callable[[Any], None]:
    return lambda program: program["graph_module"]["graph"]["inputs"][-1]["as_tensor"].update(
        name=name
    )


def _set_container(kind: str) -> Callable[[Any], None]:
    def edit(program: Any) -> None:
        signature = program["graph_module"]["module_call_graph"][0]["signature"]
        signature["in_spec"] = signature["in_spec"].replace("builtins.tuple", kind)

    return edit


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (_set_target("torch.os.system"), "target 'torch.os.system'"),
        (_set_target("torch.ops.aten.from_file.default"), "target"),
        (_set_target("torch.ops.higher_order.cond"), "target"),
        (_set_target("_operator.attrgetter"), "target"),
        (_set_target("math.sqrt"), "target"),
        (_set_expression("__import__('os').system('id')"), "expr_str"),
        (_set_expression("Symbol('s0', a=True).func"), "expr_str"),
        (_set_expression("9**9**9**9"), "expr_str"),
        (_set_expression("+".join("1" * 400)), "expr_str"),
        (_rename_input("x): import os; os.system('id') #"), "name"),
        (_set_container("collections.defaultdict"), "in_spec"),
        (
            lambda p: _first_node(p)["inputs"][0].update(arg={"as_operator": "torch.os.system"}),
            "entry 'as_operator'",
        ),
        (lambda p: p["graph_module"]["graph"]["tensor_values"].update({"a b": {}}), "entry 'a b'"),
    ],
)
def test_graph_with_more_than_arithmetic_is_unsafe(
    pt2_file: Path, tiny_spec, edit: Callable[[Any], None], what: str
) -> None:
    with_graph(pt2_file, edit)
    with pytest.raises(WeightsError, match=f"unsafe: holds .*{what}") as error:
        load(tiny_spec(), pt2_file, CPU)
    assert "\n" not in str(error.value)


def test_guards_and_metadata_are_dropped(
    pt2_file: Path, tmp_path: Path, tiny_spec, faces, linear_oracle
) -> None:
    trace = tmp_path / "ran"

    def edit(program: Any) -> None:
        program["guards_code"] = [f"__import__('os').system('touch {trace}') == 0"]
        _first_node(program)["metadata"]["source_fn_stack"] = "x,torch.os.system"

    with_graph(pt2_file, edit)
    got = load(tiny_spec(), pt2_file, CPU).embed(faces)
    np.testing.assert_allclose(got, linear_oracle(faces), rtol=1e-4, atol=1e-4)
    assert not trace.exists()


def test_compressed_members_are_unsafe(pt2_file: Path, tiny_spec) -> None:
    content = io.BytesIO(pt2_file.read_bytes())
    with (
        zipfile.ZipFile(content) as old,
        zipfile.ZipFile(pt2_file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(WeightsError, match="unsafe: holds the compressed member"):
        load(tiny_spec(), pt2_file, CPU)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_unsafe(pt2_file: Path, tiny_spec) -> None:
    with zipfile.ZipFile(pt2_file, "a") as archive:
        archive.writestr(archive.namelist()[0], b"other")
    with pytest.raises(WeightsError, match="unsafe: holds two members of one name"):
        load(tiny_spec(), pt2_file, CPU)
