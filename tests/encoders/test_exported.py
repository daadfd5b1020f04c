import json
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.data.artifacts import load_arrays
from bowerbird.data.columns import Column
from bowerbird.data.dataset import Catalog
from bowerbird.data.queries import Queries
from bowerbird.encoders import exported
from bowerbird.encoders.transformer import Transformer
from bowerbird.encoders.two_tower import TwoTower
from bowerbird.errors import ArtifactError
from worlds import cycles, dataset

pytest.importorskip("onnx", reason="the extra onnx is not installed")
SMALL = {"dim": 8, "epochs": 2, "batch_events": 128, "text": "tfidf"}


def plain():
    return cycles()


def undated():
    return replace(cycles(), dated=False)


def rich():
    data = dataset([[(u + s) % 12 for s in range(6)] for u in range(120)], n_items=14)
    titles = Column.text([("red apple", "blue train")[i % 2] for i in range(14)])
    types = (data.log.items % 2).astype(np.int16)
    log = replace(data.log, types=types, type_names=("view", "buy"))
    traits = {"age": Column.category(["old", "young"] * 60)}
    return replace(
        data, catalog=Catalog(data.catalog.items, {"title": titles}), log=log, traits=traits
    )


def unordered():
    return replace(cycles(), ordered=False, dated=False)


def towers():
    return TwoTower(dim=8, content_rank=8, epochs=2, batch=128, negatives=16, text="tfidf")


CASES = [(Transformer(**SMALL), world) for world in (plain, undated, rich)]
CASES += [(towers(), world) for world in (plain, undated, unordered, rich)]


@pytest.mark.parametrize(("estimator", "world"), CASES)
def test_the_exported_networks_say_what_the_encoder_says(estimator, world, tmp_path):
    data = world()
    encoder = estimator.fit(data)
    apart = exported.export(encoder, tmp_path / "onnx", data.queries())
    assert set(apart) == ({"query", "item"} if world is rich else {"query"})
    assert max(apart.values()) <= 1e-4
    queries = data.queries().take(np.array([3, 7, 7, -1]))
    ours = encoder.encode_queries(queries)
    theirs = exported.run_query(tmp_path / "onnx", encoder, queries)
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    assert np.abs(ours).max() > 0.1 and not ours[3].any()
    vectors = load_arrays(tmp_path / "onnx" / "items.safetensors")["vectors"]
    np.testing.assert_array_equal(vectors, encoder.encode_items(data.catalog))
    told = json.loads((tmp_path / "onnx" / "inputs.json").read_text("utf-8"))
    says = told["query.onnx"].get("gaps", "none")
    assert ("floor(log2(seconds" in says) == data.dated


@pytest.mark.parametrize("estimator", [Transformer(**SMALL), towers()])
def test_an_export_that_says_something_else_is_refused(estimator, tmp_path, monkeypatch):
    data = plain()
    encoder = estimator.fit(data)
    monkeypatch.setattr(exported, "_apart", lambda *given: 0.01)
    with pytest.raises(ArtifactError, match=r"query\.onnx: a difference of at most 0\.0001"):
        exported.export(encoder, tmp_path / "onnx", Queries.of([[0, 1]]))
    assert not list(tmp_path.iterdir())
