"""What becomes of an exported graph before it is written: smaller, without traces of the machine, and described."""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .onnx_runner import KEY

#: Fewest numbers of a weight that is stored in half precision.
_LEAST = 64


def finished(model: onnx.ModelProto, about: dict) -> bytes:
    """The content of the file.

    Args:
        model: of the exporter; changed in place.
        about: JSON-ready description of the network, kept as metadata.
    """
    graph = model.graph
    casts = [cast for tensor in list(graph.initializer) if (cast := _halve(graph, tensor)) is not None]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        part.doc_string = ""  # paths and lines of the program that was traced
        del part.metadata_props[:]
    del graph.value_info[:]
    model.producer_name, model.producer_version = "constrained_rcnn", about["versions"]["constrained_rcnn"]
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(about, sort_keys=True)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _halve(graph: onnx.GraphProto, tensor: TensorProto) -> onnx.NodeProto | None:
    """Stores a float32 weight as float16 where that loses nothing (the checkpoint does); a node widens it again."""
    if tensor.data_type != TensorProto.FLOAT:
        return None
    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if values.size < _LEAST or not np.array_equal(half.astype(np.float32), values):
        return None
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
    return helper.make_node("Cast", [f"{name}_half"], [name], name=f"{name}_widened", to=TensorProto.FLOAT)
