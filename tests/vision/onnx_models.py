"""Networks small enough to be made in a test, that keep to the contract of the premium tier's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

HEIGHT = 48
STEP = 8
GREYS = {"": 1.0, " ": 0.5, "나": 0.0, "가": -1.0}
"""How bright a column of the line is (-1 black, 1 white) for each letter; "" is the blank."""
ALPHABET = "가\n나\n"


def recogniser(*, are_logits: bool = True, classes: tuple[str, ...] = ("", "가", "나", " ")) -> bytes:
    """Reads how bright every 8 columns are: the class whose grey is nearest wins."""
    sharpness = 40.0
    weights = np.array([[2 * sharpness * GREYS[letter] / 3] * 3 for letter in classes], np.float32)
    biases = np.array([-sharpness * GREYS[letter] ** 2 for letter in classes], np.float32)
    nodes = [
        helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[HEIGHT, STEP], strides=[HEIGHT, STEP]),
        helper.make_node("Conv", ["pooled", "weights", "biases"], ["scored"], kernel_shape=[1, 1]),
        helper.make_node("Squeeze", ["scored", "axes"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["logits"], perm=[0, 2, 1]),
        *([] if are_logits else [helper.make_node("Softmax", ["logits"], ["y"], axis=2)]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "weights": weights.reshape(len(classes), 3, 1, 1),
        "biases": biases,
        "axes": np.array([2], np.int64),
    }
    return _model(nodes, constants, (["N", 3, HEIGHT, "W"], ["N", "T", len(classes)]), "logits" if are_logits else "y")


def detector() -> bytes:
    """Takes what is dark for text."""
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["grey"], keepdims=1),
        helper.make_node("Mul", ["grey", "steep"], ["turned"]),
        helper.make_node("Sigmoid", ["turned"], ["y"]),
    ]
    constants: dict[str, NDArray[Any]] = {"axes": np.array([1], np.int64), "steep": np.array([-4.0], np.float32)}
    return _model(nodes, constants, ([1, 3, "H", "W"], [1, 1, "H", "W"]), "y")


def _model(
    nodes: list[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    shapes: tuple[Sequence[str | int], Sequence[str | int]],
    output: str,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shapes[0])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shapes[1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def named(folder: Path, **files: bytes) -> dict[str, str]:
    """``files`` written into ``folder`` and named as the settings name them: recogniser=, alphabet=, detector=."""
    environment = {}
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        environment[f"OCR_ONNX_{name.upper()}"] = f"{path}#sha256={hashlib.sha256(data).hexdigest()}"
    return environment
