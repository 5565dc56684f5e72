"""The data set keeps FaceBone's contract, and refuses lists that are wrong."""

import pytest
from facebone_manifest import load_manifest

from facebone.data.synthetic import export_folder, synthetic_dataset
from facebone.errors import DatasetError
from facebone.testing import check_dataset


@pytest.fixture
def manifest(tmp_path):
    files = export_folder(synthetic_dataset(3, 2, seed=0), tmp_path / "faces")
    lines = [f"{path.relative_to(tmp_path)},{path.parent.name},1\n" for path in files]
    (tmp_path / "people.csv").write_text("picture,person,smiles\n" + "".join(lines))
    return tmp_path / "people.csv"


def test_contract(manifest):
    check_dataset("manifest", load_manifest, manifest)


def test_attributes_are_the_other_columns(manifest):
    dataset = load_manifest(manifest, seed=0)
    assert len(dataset.pictures) == 6
    assert {values["smiles"] for values in dataset.attributes.values()} == {1.0}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("faces/nowhere.png,s00000,1", "line 8: there is no picture 'faces/nowhere.png'"),
        (",s00000,1", "line 8: names no picture"),
        ("people.csv,s00000,broadly", "line 8, smiles: must be a number, got 'broadly'"),
    ],
)
def test_wrong_lines_are_refused_by_their_number(manifest, line, message):
    manifest.write_text(manifest.read_text() + line + "\n")
    with pytest.raises(DatasetError, match=message):
        load_manifest(manifest, seed=0)


def test_another_table_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("file,who\na.png,me\n")
    with pytest.raises(DatasetError, match="has the columns file, who; expected a CSV file with"):
        load_manifest(tmp_path / "other.csv", seed=0)
